/** Frames to source lines through binutils or LLVM: a real object with debug information, inlining, and what does not fit. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sourceLines } from '../../src/symbols/source-lines.ts';
import { readFunctions } from '../../src/symbols/symbol-table.ts';
import { quiesce } from '../support/command-line.ts';
import { temporaryFolder, writeFileIn } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const vmlinux = join(folder.path, 'vmlinux');
const BUILD_ID = '48dc540c8b76393804ca8088dbfa7d42911a9444';
const SOURCE = `const char banner[] = "Linux version 6.12.0-test (a@b)";
extern int outside(int);
static inline __attribute__((always_inline)) int inner(int x)
{
	return outside(x) + 1;
}
int stalled(int x)
{
	return inner(x) * 2;
}
int outside(int x) { return x + banner[0]; }
int main(void) { return stalled(1); }
`;
// The compiler is no part of quiesce.
const canCompile = spawnSync('cc', ['--version']).status === 0;

describe.runIf(canCompile)('frames of a kernel image', () => {
  beforeAll(() => {
    const source = join(folder.path, 'kernel', 'stall.c');
    execFileSync('mkdir', ['-p', join(folder.path, 'kernel')]);
    writeFileSync(source, SOURCE);
    execFileSync('cc', [
      '-g',
      `-Wl,--build-id=0x${BUILD_ID}`,
      '-O1',
      '-fno-optimize-sibling-calls',
      '-fno-ipa-cp',
      '-fno-inline-functions',
      '-fno-inline-small-functions',
      '-fno-inline-functions-called-once',
      '-o',
      vmlinux,
      source,
    ]);
  });
  afterAll(() => folder.remove());

  it('are lines of the source, with what they were inlined into', () => {
    const [symbol] = readFunctions(vmlinux).get('stalled') ?? [];
    // Behind the call: offsets from the first byte to the last, of which one is the return address.
    const frames = Array.from(
      { length: Number(symbol.size) },
      (_, i) => `stalled+0x${i.toString(16)}/0x${symbol.size.toString(16)}`,
    );
    const lines = [...sourceLines(frames, { vmlinux }, { release: '6.12.0-test' }).values()];
    expect(lines).toContain('kernel/stall.c:5, inlined at kernel/stall.c:9');
  });

  it('are refused when the image is another kernel, or has no symbols', () => {
    expect(() => sourceLines(['stalled+0x1'], { vmlinux }, { release: '6.13.0' })).toThrow(
      /vmlinux: is the image of 6\.12\.0-test; the recording is of 6\.13\.0/,
    );
    const release = '6.12.0-test';
    expect(() => sourceLines(['stalled+0x1'], { vmlinux }, { release, buildId: '11'.repeat(20) })).toThrow(
      `vmlinux: is another build of the kernel (build id ${BUILD_ID}); the recording is of build ${'11'.repeat(20)}`,
    );
    expect(sourceLines(['nothing+0x1'], { vmlinux }, { release, buildId: BUILD_ID }).size).toBe(0);
    expect(() => sourceLines(['stalled+0x1'], { vmlinux: join(folder.path, 'nowhere') }, {})).toThrow(/nowhere/);
    const text = join(folder.path, 'text');
    writeFileSync(text, 'no object');
    expect(() => sourceLines(['stalled+0x1'], { vmlinux: text }, {})).toThrow(/text/);
  });

  it('of a log are told by replay, in the text and as JSON, and what does not fit is one line', async () => {
    const [symbol] = readFunctions(vmlinux).get('stalled') ?? [];
    const size = `0x${symbol.size.toString(16)}`;
    const log = writeFileIn(
      folder.path,
      'dmesg.txt',
      `[    0.000000] Linux version 6.12.0-test (a@b) (gcc) #1 SMP PREEMPT
[  200.000000] INFO: task sleeper:42 blocked for more than 122 seconds.
[  200.000100]       Not tainted 6.12.0-test #1
[  200.000200] "echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.
[  200.000300] task:sleeper         state:D stack:0     pid:42    ppid:1      flags:0x00004000
[  200.000400] Call Trace:
[  200.000500]  <TASK>
[  200.000600]  __schedule+0x4f7/0xbd0
[  200.000700]  stalled+${size}/${size}
[  200.000800]  </TASK>
`,
    );
    const replay = (...more: string[]) => quiesce('replay', '--db', ':memory:', '--quiet', log, '--vmlinux', ...more);
    const text = await replay(vmlinux);
    expect(text.status).toBe(0);
    expect(text.out).toMatch(/source lines: .*sleeper/);
    expect(text.out).toMatch(/stalled\+0x[0-9a-f]+\/0x[0-9a-f]+ kernel\/stall\.c:\d+/);
    const { sources } = JSON.parse((await replay(vmlinux, '--json')).out);
    expect(sources[`stalled+${size}/${size}`]).toMatch(/^kernel\/stall\.c:\d+$/);
    const missing = await replay(join(folder.path, 'nowhere'));
    expect([missing.status, missing.err.trim().split('\n')]).toEqual([3, [expect.stringContaining('nowhere')]]);
  });

  it('that no symbol fits have no line', () => {
    expect(sourceLines(['nothing+0x1/0x2', 'stalled', '<TASK>'], { vmlinux }, {}).size).toBe(0);
    expect(sourceLines(['stalled+0x1 [mod]'], { vmlinux }, {}).size).toBe(0);
  });
});
