/** Records of the AUX area (Intel PT, Arm ETM) are counted as what they are: data that needs an instruction decoder, never silence. */
import { expect, it } from 'vitest';
import { replayCaptures } from '../../../src/jobs/replay-captures.ts';
import {
  Bytes,
  perfFile,
  record,
  SAMPLE_CPU,
  SAMPLE_IDENTIFIER,
  SAMPLE_IP,
  SAMPLE_TID,
  SAMPLE_TIME,
} from '../../support/perf-data-writer.ts';

const SAMPLE_AUX = 1 << 20;
const PLAIN = SAMPLE_IDENTIFIER | SAMPLE_IP | SAMPLE_TID | SAMPLE_TIME | SAMPLE_CPU;

const trailer = (bytes: Bytes, time: number): Bytes => bytes.u32(1).u32(1).u64(time).u32(0).u32(0).u64(7);
const aux = (time: number, size: number, flags = 0): Buffer =>
  record(11, 0, trailer(new Bytes(true).u64(0).u64(size).u64(flags), time));

async function issuesOf(sampleType: number, records: readonly Buffer[]): Promise<Map<string, number>> {
  const bytes = perfFile({ littleEndian: true, attributes: [{ type: 1, config: 0, sampleType, ids: [7] }], records });
  const { import: imported } = await replayCaptures([{ name: 'pt.data', bytes }]);
  return new Map(imported.issues.map(({ kind, count }) => [kind, count]));
}

it('AUX records with data are counted, empty ones are none', async () => {
  const issues = await issuesOf(PLAIN, [aux(10, 4096), aux(20, 64), aux(30, 0)]);
  expect(issues.get('aux-undecoded')).toBe(2);
});

it('AUX records for which there was no room are losses, also empty ones', async () => {
  const [truncated, overwrite] = [1, 2];
  const issues = await issuesOf(PLAIN, [
    aux(10, 64, truncated),
    aux(20, 64, overwrite),
    aux(30, 0, truncated | overwrite),
  ]);
  expect(issues.get('aux-undecoded')).toBe(2);
  expect(issues.get('aux-truncated')).toBe(2);
});

it('AUX areas of samples are counted, their samples are events', async () => {
  const sample = (time: number, size: number): Buffer =>
    record(
      9,
      1,
      new Bytes(true)
        .u64(7)
        .u64(0xffffffff81000010n)
        .u32(1)
        .u32(1)
        .u64(time)
        .u32(0)
        .u32(0)
        .u64(size)
        .raw(new Uint8Array(size)),
    );
  const issues = await issuesOf(PLAIN | SAMPLE_AUX, [sample(10, 16), sample(20, 0), sample(30, 8)]);
  expect(issues.get('aux-undecoded')).toBe(2);
});
