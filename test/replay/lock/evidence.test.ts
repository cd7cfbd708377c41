/** MODEL §9 O26 for lock findings: their evidence, replayed alone, gives them again. */
import { describe, expect, it } from 'vitest';
import type { FindingKind } from '../../../schema/index.ts';
import { readLog, replayLog } from '../../support/event-log.ts';
import { evidenceOf } from '../../support/evidence-log.ts';

const KINDS: readonly FindingKind[] = [
  'lock-inversion',
  'lock-recursion',
  'irq-lock-state',
  'irq-lock-order',
  'wait-context',
  'sleep-in-atomic',
  'deferral-hazard',
];

describe('the evidence of a lock finding alone gives it again (O26)', () => {
  it.each([
    ['lock-cycle.trace.txt.zst', ['deferral-hazard', 'lock-inversion', 'wait-context']],
    ['lock-cycle.perf-script.txt.zst', ['deferral-hazard', 'lock-inversion', 'wait-context']],
    ['wait-context-rt.trace.txt.zst', ['deferral-hazard', 'irq-lock-order', 'sleep-in-atomic', 'wait-context']],
  ])('%s', async (name, kinds) => {
    const log = await readLog(new URL(`../../../samples/${name}`, import.meta.url).pathname);
    const whole = replayLog(log);
    const settings = { profile: whole.profile, thresholds: whole.thresholds };
    const found = whole.findings.filter((finding) => KINDS.includes(finding.kind));
    expect([...new Set(found.map((finding) => finding.kind))].sort()).toEqual(kinds);
    for (const finding of found) {
      const evidence = evidenceOf(finding, log);
      const again = replayLog(evidence, settings).findings;
      expect(
        again.map(({ id }) => id),
        `${finding.title} from ${evidence.length} events`,
      ).toContain(finding.id);
      // Few enough to read; ranges stand for the rest.
      expect(finding.evidence.length).toBeLessThanOrEqual(40);
    }
  });
});
