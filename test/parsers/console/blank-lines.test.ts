/** Blank lines between those of a log are no events; an empty line that the kernel stamped is one. */
import { expect, it } from 'vitest';
import { replayCaptures } from '../../../src/jobs/replay-captures.ts';
import { textCapture } from '../../support/sample-store.ts';

it('only lines that somebody printed are events', async () => {
  const log = '[    1.000000] a line\n\n   \n[    2.000000] \n[    3.000000] another line\n\n';
  expect((await replayCaptures([textCapture('dmesg.txt', log)])).run.events).toBe(3);
});
