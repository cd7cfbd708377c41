/** X15: without the NMI load all that hangs on it goes: waits, stalls, the starved kthread, and what only the log reports. */
import { describe, expect, it } from 'vitest';
import { quiesce } from '../../support/command-line.ts';

const STORM = new URL('../../fixtures/replay/expedited-nmi-storm-7.2', import.meta.url).pathname;

describe.each(['.trace.txt.zst', '.dmesg.txt'])('no-nmi-load on %s', (suffix) => {
  it('clears what hangs on the storm', async () => {
    const { out } = await quiesce(
      ...['whatif', '--json', '--quiet', '--db', ':memory:', '--variant', 'no-nmi-load', `${STORM}${suffix}`],
    );
    const { baseline: findings, variants } = JSON.parse(out);
    const [variant] = variants;
    const left = findings.filter((finding: { id: string }) => variant.remains.includes(finding.id));
    // The harness writes to a debugfs file and sleeps; nobody says for what.
    expect(left.filter((finding: { task?: string }) => finding.task !== 'sh')).toEqual([]);
    expect(variant.because.join('\n')).not.toContain('null');
  });
});
