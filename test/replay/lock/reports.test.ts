import { describe, expect, it } from 'vitest';
import type { LogLock, LogReport } from '../../../schema/index.ts';
import { lockWaitEdges } from '../../../src/replay/model/lock/owner.ts';
import { type CaptureReplay, ofKind } from '../../support/replay-capture.ts';
import { type LockStep, replayProgram, thread } from '../../support/replay-dsl.ts';

const base = { tsNs: 1_000_000_000, line: 10, endLine: 40 };
const lock = (name: string, outer = 2, inner = outer, address?: string): LogLock => ({
  name,
  usage: '....',
  outer,
  inner,
  ...(address && { address }),
});

/** As in a splat of two mutexes: task 84 wants a, holds b; d_ab took b under a before. */
const circular: LogReport = {
  ...base,
  kind: 'lockdep-circular',
  task: { comm: 'dead/2', tid: 84 },
  acquiring: lock('a', 3, 3, 'ffffffffa00063b0'),
  holding: lock('b', 3, 3, 'ffffffffa0006310'),
  chain: [
    { lock: lock('a', 3), stack: ['__lock_acquire', 'lock_acquire', '__mutex_lock', 'd_ba', 'job_main', 'kthread'] },
    { lock: lock('b', 3), stack: ['__mutex_lock', 'mutex_lock_nested', 'd_ab', 'job_main', 'kthread'] },
  ],
  held: [lock('b', 3, 3, 'ffffffffa0006310')],
  stack: [],
};

async function withReports(
  reports: readonly LogReport[],
  steps: readonly LockStep[] = thread(1, '+x -x'),
): Promise<CaptureReplay> {
  const replay = await replayProgram(steps);
  for (const report of reports) replay.engine.models.locks.onReport(report);
  return replay;
}

describe('lockdep reports (G2.1)', () => {
  it('add an edge for each entry of the chain, and the closing one', async () => {
    const { locks } = (await withReports([circular])).engine.models;
    const edges = locks.events.graph.edges.map((edge) => [
      locks.classes[edge.from].name,
      locks.classes[edge.to].name,
      edge.reported,
      edge.count,
    ]);
    expect(edges).toEqual([
      ['a', 'b', true, 0],
      ['b', 'a', true, 0],
    ]);
  });

  it('make no inversion of their own here: the report itself is one', async () => {
    const replay = await replayProgram(thread(1, '+x -x'));
    expect(ofKind(replay, 'lock-inversion')).toEqual([]);
  });

  it('tell the numbering of wait types (L5.31)', async () => {
    const waitContext = (context: number): LogReport => ({
      ...base,
      kind: 'lockdep-wait-context',
      task: { comm: 't', tid: 1 },
      lock: lock('l', 3),
      context,
      held: [lock('&rq->__lock')],
      stack: [],
    });
    expect((await withReports([waitContext(5)])).engine.world.profile.rawLockNesting).toBe(true);
    expect((await withReports([waitContext(4)])).engine.world.profile.rawLockNesting).toBe(false);
    const rcu = (inner: number): LogReport => ({
      ...base,
      kind: 'held-locks',
      tasks: [{ task: { comm: 't', tid: 1 }, locks: [lock('rcu_read_lock', 1, inner)] }],
    });
    expect((await withReports([rcu(3)])).engine.world.profile.rawLockNesting).toBe(true);
    expect((await withReports([rcu(2)])).engine.world.profile.rawLockNesting).toBe(false);
    expect((await withReports([circular])).engine.world.profile.rawLockNesting).toBeUndefined();
  });
});

describe('waits without lock events (5.7)', () => {
  const address = (hex: string) => Number(BigInt.asIntN(64, BigInt(`0x${hex}`)));

  /** Contention events only: tasks 83 and 84 begin to wait and never end. */
  async function stuck(reports: readonly LogReport[]): Promise<CaptureReplay> {
    const replay = await replayProgram([]);
    const { contentions } = replay.engine.models.locks;
    const wait = (tid: number, hex: string, eventId: number) =>
      contentions.begin({
        taskKey: tid,
        tid,
        comm: 0,
        address: address(hex),
        flags: 0,
        sinceNs: 5,
        eventId,
        cpu: 0,
        classId: -1,
        wakerTid: -1,
        stack: 0,
      });
    wait(83, 'ffffffffa00062a0', 7);
    wait(84, 'ffffffffa0006340', 8);
    for (const report of reports) replay.engine.models.locks.onReport(report);
    return replay;
  }

  const edges = (replay: CaptureReplay) =>
    lockWaitEdges(replay.engine.models.locks, replay.engine.world.dictionary).map((edge) => [
      edge.fromKey,
      edge.lock,
      edge.toKey,
      edge.certainty,
    ]);

  it('have no owner when nothing tells', async () => {
    const replay = await stuck([]);
    expect(replay.engine.models.locks.waits()).toHaveLength(2);
    expect(edges(replay)).toEqual([]);
  });

  it('get names and owners from a report, the distance to the lockdep map, and the stack of a hung task', async () => {
    const hung: LogReport = {
      ...base,
      kind: 'hung-task',
      task: { comm: 'dead/1', tid: 83 },
      seconds: 5,
      stack: ['__schedule', 'schedule', '__mutex_lock', 'mutex_lock_nested', 'd_ab', 'job_main', 'kthread'],
    };
    expect(edges(await stuck([circular]))).toEqual([[83, 'b', 84, 'inferred']]);
    expect(edges(await stuck([circular, hung]))).toEqual([
      [83, 'b', 84, 'inferred'],
      [84, 'a', 83, 'inferred'],
    ]);
  });
});

describe('waits with lock events', () => {
  it('close a cycle through the owners on the held stacks', async () => {
    const replay = await replayProgram([
      ...thread(1, '+a'),
      ...thread(2, '+b'),
      ...thread(1, '!b'),
      ...thread(2, '!a'),
    ]);
    const edges = lockWaitEdges(replay.engine.models.locks, replay.engine.world.dictionary);
    expect(edges.map((edge) => [edge.fromKey, edge.lock, edge.toKey, edge.certainty])).toEqual([
      [1, 'b', 2, 'observed'],
      [2, 'a', 1, 'observed'],
    ]);
  });

  it('of a reader have no reader for owner', async () => {
    const replay = await replayProgram([...thread(1, 'r+a'), ...thread(2, 'r!a'.replace('r!', '!'))]);
    expect(lockWaitEdges(replay.engine.models.locks, replay.engine.world.dictionary)).toHaveLength(1);
  });
});
