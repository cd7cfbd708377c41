/** One run of a store, written to a viewer: its events page by page, then what the models made of them. */
import { Dictionary, RequestError } from '../../schema/index.ts';
import { StoreReader } from '../store/run-reader.ts';
import { readError } from '../store/store-error.ts';
import { openForReading } from '../store/store-file.ts';
import { EventPass, type ExportedRun } from './event-pass.ts';
import { Groups } from './groups.ts';
import type { RunTarget } from './run-target.ts';
import type { ExportSelection } from './selection.ts';
import { storedTaskNames } from './task-names.ts';
import { FlowNumbers } from './timeline.ts';
import { writeCounters } from './tracks/counters.ts';
import { findingTracks } from './tracks/findings.ts';
import { writeGracePeriods, writeHoldouts } from './tracks/grace-periods.ts';
import { writeInterrupts } from './tracks/interrupts.ts';
import { writeLockHolds, writeLockWaits } from './tracks/locks.ts';
import type { RunFacts } from './tracks/run-facts.ts';
import { writeSyncWaits, writeWaitEdges } from './tracks/waits.ts';

/**
 * @param run default: the latest
 * @throws StoreError, RequestError when the store holds no run
 */
export function exportRun(
  path: string,
  run: number | undefined,
  selection: ExportSelection,
  target: RunTarget,
): ExportedRun {
  const db = openForReading(path);
  const reader = new StoreReader(path, db);
  try {
    const runId = run ?? reader.runIds().at(-1);
    if (runId === undefined) throw new RequestError(`${path}: holds no run; ingest a capture first`);
    const info = reader.runInfo(runId);
    const dictionary = new Dictionary();
    dictionary.apply(reader.dictionary(runId));
    const clock = info.captures.find((capture) => capture.clock !== undefined)?.clock;
    target.begin(
      {
        name: info.name,
        ...(info.kernel.release !== undefined && { release: info.kernel.release }),
        cpus: info.cpus,
        lost: reader.importSummary(runId).lost,
        firstNs: info.first_ns,
        lastNs: info.last_ns,
        baseNs: info.base_ns,
        ...(clock !== undefined && { clock }),
        captures: info.captures.map((capture) => capture.path),
      },
      dictionary,
    );
    const groups = new Groups(target.timeline, selection);
    const pass = new EventPass(reader, runId, dictionary, selection, target, groups);
    const taskName = pass.wanted ? (tid: number) => pass.names.of(tid) : storedTaskNames(db, runId);
    const counts = pass.wanted ? pass.run() : { events: 0, leftOut: 0 };
    writeFacts({ db, runId, info, findings: reader.findings(runId), selection, taskName }, target, groups);
    target.close();
    return counts;
  } catch (error) {
    throw readError(path, error);
  } finally {
    reader.close();
  }
}

function writeFacts(facts: RunFacts, { timeline, drawsInterrupts }: RunTarget, groups: Groups): void {
  const findings = groups.id('findings');
  const found = findings === undefined ? undefined : findingTracks(facts, timeline, findings, new FlowNumbers());
  groups.write('waits', (group) => writeSyncWaits(facts, timeline, group, found?.waitFlows ?? new Map()));
  found?.write();
  groups.write('counters', (group) => writeCounters(facts, timeline, group));
  groups.write('gracePeriods', (group) => writeGracePeriods(facts, timeline, group));
  groups.write('holdouts', (group) => writeHoldouts(facts, timeline, group));
  groups.write('edges', (group) => writeWaitEdges(facts, timeline, group));
  groups.write('nmis', (group) => writeInterrupts(facts, timeline, group, 'nmi'));
  if (!drawsInterrupts)
    groups.write('interrupts', (group) => {
      writeInterrupts(facts, timeline, group, 'hardirq');
      writeInterrupts(facts, timeline, group, 'softirq');
    });
  groups.write('holds', (group) => writeLockHolds(facts, timeline, group));
  groups.write('contention', (group) => writeLockWaits(facts, timeline, group));
}
