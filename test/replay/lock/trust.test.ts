import { describe, expect, it } from 'vitest';
import { ofKind, replayText } from '../../support/replay-capture.ts';
import { edgesOf, type LockStep, replayProgram, thread, to, trace } from '../../support/replay-dsl.ts';

const on = (tid: number, cpu: number, ops: string): LockStep[] => thread(tid, ops, { cpu });
/** Another task shows up on the CPU: whoever ran there before has left it. */
const other = (cpu: number): LockStep[] => on(90 + cpu, cpu, '+z -z');

describe('losses whose marker comes late (E0.4)', () => {
  it('are seen by a task that changed its CPU without a switch', async () => {
    const steps = [...on(5, 3, '+q -q sleep'), ...on(1, 1, '+a'), ...other(1), ...on(1, 2, '+b -b')];
    expect(edgesOf(await replayProgram(steps))).toEqual([]);
  });

  it('are not suspected when the switch is there', async () => {
    const steps = [...on(1, 1, '+a sleep'), ...other(1), ...on(1, 2, '+b -b -a')];
    expect(edgesOf(await replayProgram(steps))).toEqual(['a→b']);
  });

  it('take back what a task was first seen to do after it may have run in the gap', async () => {
    // Task 1 sleeps on CPU 1 with a held; CPU 1 loses events; task 1 wakes on CPU 2, takes b; then comes the marker.
    const asleep = [...on(1, 1, '+a sleep'), ...other(1)];
    const elsewhere = [...other(2), ...on(1, 2, '+b -b')];
    expect(edgesOf(await replayProgram([...asleep, ...elsewhere]))).toEqual(['a→b']);
    const replay = await replayProgram([...asleep, ...elsewhere, ...on(7, 1, 'lost')]);
    const { graph, trust } = replay.engine.models.locks.events;
    expect(graph.edges.map((edge) => edge.revoked)).toEqual([true]);
    expect(trust.revoked).toBe(1);
    expect(replay.facts.lockEdges).toEqual([]);
  });

  it('leave what was seen before the gap, and what never left its CPU', async () => {
    const steps = [...on(1, 2, '+a +b -b -a'), ...other(1), ...on(3, 2, '+c +d -d -c'), ...on(7, 1, 'lost')];
    const replay = await replayProgram(steps);
    expect(replay.facts.lockEdges).toHaveLength(2);
  });

  it('do not keep an edge away that is seen again', async () => {
    const steps = [
      ...on(1, 1, '+a sleep'),
      ...other(1),
      ...other(2),
      ...on(1, 2, '+b -b'),
      ...on(7, 1, 'lost'),
      ...on(3, 2, '+a +b -b -a'),
    ];
    const replay = await replayProgram(steps);
    expect(replay.facts.lockEdges).toMatchObject([{ tid: 3, count: 1 }]);
  });

  it('make no inversion', async () => {
    const steps = [
      ...on(1, 1, '+m sleep'),
      ...other(1),
      ...other(2),
      ...on(1, 2, '+n -n'),
      ...on(7, 1, 'lost'),
      ...on(3, 2, '+n +m -m -n'),
    ];
    expect(ofKind(await replayProgram(steps), 'lock-inversion')).toEqual([]);
  });
});

describe('events that the recorder switches off one by one', () => {
  it('are noticed when a lock that always says lock_acquired is not acquired before the next', async () => {
    // perf ends lock_acquired first, then lock_release, lock_acquire last.
    const ends = [...thread(1, '+a -a +b -b +c -c'), ...thread(1, '+a -a +b -b', {}), { tid: 1, op: '+a' } as LockStep];
    const late: LockStep[] = ['+b', '+c', '+a', '+b'].map((op) => ({ tid: 1, op }));
    const text = await replayProgram([...ends, ...late], { noAcquiredFrom: 10 });
    expect(edgesOf(text)).toEqual([]);
    expect(text.engine.models.locks.events.trust.dubious).toBeGreaterThan(0);
  });

  it('are noticed when a lock is taken that the task holds already', async () => {
    const replay = await replayProgram(thread(1, '+a +b +a +c +d -d -c'));
    // a→b was seen before the contradiction, c→d after it; nothing joins the two.
    expect(edgesOf(replay)).toEqual(['a→b', 'c→d']);
  });

  it('begin a capture: acquisitions without releases tell of no nest', async () => {
    const names = 'abcdefghijklmn'.split('');
    const steps = [
      ...thread(1, names.map((name) => `+${name}`).join(' ')),
      ...thread(1, '-n'),
      ...thread(1, '+y +z -z -y'),
    ];
    const replay = await replayProgram(steps);
    expect(replay.facts.lockEdges).toHaveLength(1);
  });

  it('end a capture: what was first seen after the last release is taken back', async () => {
    const names = 'abcdefghijklmn'.split('');
    const replay = await replayProgram([
      ...thread(1, '+y +z -z -y'),
      ...thread(1, names.map((name) => `+${name}`).join(' ')),
    ]);
    expect(replay.facts.lockEdges).toHaveLength(1);
  });
});

describe('a recording of one CPU of several', () => {
  /** `a` is held when the task leaves CPU 0, and released on CPU 1, which is recorded or not. */
  const story = (elsewhere: string): string => trace`
      t-5 [000] ..... 1.0: sched_wakeup: comm=other pid=9 prio=120 target_cpu=001
      t-5 [000] ..... 1.1: lock_acquire: 00000000000000a0 a
      t-5 [000] d.... 1.2: ${to('t:5', 'S', 'swapper/0:0')}
      ${elsewhere}
      <idle>-0 [000] d.... 1.6: ${to('swapper/0:0', 'R', 't:5')}
      t-5 [000] ..... 1.7: lock_acquire: 00000000000000b0 b
      t-5 [000] ..... 1.8: lock_release: 00000000000000b0 b`;
  const onOther = `
      <idle>-0 [001] d.... 1.3: ${to('swapper/1:0', 'R', 't:5')}
      t-5 [001] ..... 1.4: lock_release: 00000000000000a0 a
      t-5 [001] d.... 1.5: ${to('t:5', 'S', 'swapper/1:0')}`;

  it('does not know what a task holds that was away: it may have released it there', async () => {
    expect(edgesOf(await replayText(story('')))).toEqual([]);
    expect(edgesOf(await replayText(story(onOther)))).toEqual([]);
  });

  it('knows it where every CPU is recorded', async () => {
    const other = `<idle>-0 [001] d.... 1.3: ${to('swapper/1:0', 'R', 'other:9')}`;
    expect(edgesOf(await replayText(story(other)))).toEqual(['a→b']);
  });
});
