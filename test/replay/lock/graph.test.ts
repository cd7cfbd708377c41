import { describe, expect, it } from 'vitest';
import { notesText } from '../../support/notes.ts';
import { ofKind } from '../../support/replay-capture.ts';
import { edgesOf, type LockStep, replayProgram, thread } from '../../support/replay-dsl.ts';

const inversions = async (steps: readonly LockStep[], options = {}): Promise<string[]> =>
  ofKind(await replayProgram(steps, options), 'lock-inversion').map((finding) => [...finding.locks].sort().join(','));

describe('edges (L5.25)', () => {
  it('join a lock with its direct predecessor only', async () => {
    expect(edgesOf(await replayProgram(thread(1, '+a +b +c -c -b -a')))).toEqual(['a→b', 'b→c']);
  });

  it('run through trylocks to the first that was not tried, and never into one', async () => {
    expect(edgesOf(await replayProgram(thread(1, '+a ?b ?c +d -d -c -b -a')))).toEqual(['a→d', 'b→d', 'c→d']);
  });

  it('do not cross an interrupt context (T24)', async () => {
    const steps = [
      ...thread(1, '+a'),
      ...thread(1, '+h -h', { flags: 'd.h1.' }),
      ...thread(1, '+s -s', { flags: '..s1.' }),
      ...thread(1, '-a'),
    ];
    expect(edgesOf(await replayProgram(steps))).toEqual([]);
  });

  it('are not made in an NMI (L5.5)', async () => {
    expect(edgesOf(await replayProgram(thread(1, '+a +b -b -a', { flags: 'd.Z1.' })))).toEqual([]);
  });

  it('leave RCU readers out, and do not stop at them (L5.26)', async () => {
    expect(edgesOf(await replayProgram(thread(1, '+a r+rcu_read_lock +b -b -rcu_read_lock -a')))).toEqual(['a→b']);
  });

  it('appear between what is left when a lock in the middle is released (L5.22)', async () => {
    expect(edgesOf(await replayProgram(thread(1, '+a +b +c -b -c -a')))).toEqual(['a→b', 'a→c', 'b→c']);
  });

  it('survive unlocking crosswise', async () => {
    expect(edgesOf(await replayProgram([...thread(1, '+a +b -a -b'), ...thread(2, '+c -c')]))).toEqual(['a→b']);
  });

  it('keep the idle tasks of two CPUs apart (T25)', async () => {
    const steps = [
      ...thread(0, '+a', { cpu: 0 }),
      ...thread(0, '+b', { cpu: 1 }),
      ...thread(0, '-a', { cpu: 0 }),
      ...thread(0, '-b', { cpu: 1 }),
    ];
    expect(edgesOf(await replayProgram(steps))).toEqual([]);
  });

  it('follow a task over CPUs (L5.21)', async () => {
    const steps = [...thread(1, '+a', { cpu: 0 }), ...thread(1, '+b -b -a', { cpu: 2 })];
    expect(edgesOf(await replayProgram(steps))).toEqual(['a→b']);
  });

  it('take hardirq context from entry events where flags are missing (L5.21)', async () => {
    const steps = [...thread(1, '+a')];
    const text = await replayProgram([...steps, { tid: 1, op: 'tick' }, ...thread(1, '+b -b -a')], { noFlags: true });
    expect(edgesOf(text)).toEqual(['a→b']);
  });

  it('do not come from what lockdep prints while it reports', async () => {
    const prints = '?console_lock +console_owner +&port_lock_key -&port_lock_key -console_owner -console_lock';
    const report = thread(1, `+a ~b ${prints}`);
    expect(edgesOf(await replayProgram([...thread(2, '+z -z'), ...report]))).toEqual([
      'a→b',
      'console_lock→console_owner',
      'console_owner→&port_lock_key',
    ]);
    const ordinary = thread(1, `+a +b ${prints}`);
    expect(edgesOf(await replayProgram(ordinary))).toContain('b→console_owner');
  });
});

describe('releases (L5.22)', () => {
  it('of a lock that was taken before the capture are counted, not believed', async () => {
    const replay = await replayProgram(thread(1, '-x +a -a'));
    expect(replay.engine.models.locks.events.unmatchedReleases).toBe(1);
    expect(replay.engine.models.locks.allHeld()).toEqual([]);
  });

  it('take the newest entry of that address', async () => {
    const replay = await replayProgram(thread(1, '+o@1 +o@2 -o@1'));
    expect(replay.engine.models.locks.heldBy(1).map((holder) => Number(holder.instance))).toEqual([16]);
  });

  it('may come in softirq for what began as task: PREEMPT_RT keys by task (FORMATS)', async () => {
    const steps = [...thread(1, 'r+local_bh', { flags: '....1' }), ...thread(1, '-local_bh', { flags: '..s.1' })];
    const replay = await replayProgram(steps);
    expect(replay.engine.models.locks.allHeld()).toEqual([]);
    expect(replay.profile.rt).toBe(true);
  });

  it('that an ended interrupt never showed do not leave its locks behind', async () => {
    const steps = [...thread(1, '+h', { flags: 'd.h1.' }), ...thread(1, '+a')];
    const replay = await replayProgram(steps);
    expect(replay.engine.models.locks.heldBy(1).map((holder) => holder.className)).toEqual(['a']);
  });
});

describe('gaps (E0.4)', () => {
  it('end what is known of the tasks last seen on that CPU', async () => {
    const steps = [
      ...thread(1, '+a', { cpu: 1 }),
      ...thread(2, '+x', { cpu: 2 }),
      ...thread(3, 'lost', { cpu: 1 }),
      ...thread(1, '+b -b', { cpu: 1 }),
      ...thread(2, '+y -y -x', { cpu: 2 }),
    ];
    expect(edgesOf(await replayProgram(steps))).toEqual(['x→y']);
  });

  it('make no hold that spans them', async () => {
    const replay = await replayProgram([
      ...thread(1, '+a', { cpu: 1 }),
      ...thread(3, 'lost', { cpu: 1 }),
      ...thread(1, '-a', { cpu: 1 }),
    ]);
    expect(replay.facts.lockHolds).toEqual([]);
  });
});

describe('the run-queue lock (L5.17, T65, T66)', () => {
  it('is handed from task to task by the events themselves', async () => {
    const steps = [
      ...thread(1, '+m +&rq->__lock@1 sleep -&rq->__lock@1'),
      ...thread(2, '+&rq->__lock@1 -&rq->__lock@1'),
      ...thread(1, '-m'),
    ];
    const replay = await replayProgram(steps, {});
    expect(replay.engine.models.locks.allHeld()).toEqual([]);
    expect(ofKind(replay, 'sleep-in-atomic')).toEqual([]);
  });
});

describe('cycles (L5.27)', () => {
  it('of two locks in opposite order are one inversion (O33)', async () => {
    expect(await inversions([...thread(1, '+a +b -b -a'), ...thread(2, '+b +a -a -b')])).toEqual(['a,b']);
  });

  it('need no third lock when two of its edges close one already', async () => {
    const steps = [...thread(1, '+a +b +c -c -b -a'), ...thread(2, '+b +a -a -b'), ...thread(3, '+c +a -a -c')];
    expect(await inversions(steps)).toEqual(['a,b']);
  });

  it('of one class set are reported once, whoever shows them', async () => {
    const ring = [...thread(1, '+a +b -b -a'), ...thread(2, '+b +c -c -b'), ...thread(3, '+c +a -a -c')];
    expect(await inversions([...ring, ...ring])).toEqual(['a,b,c']);
  });

  it('are not made by a reverse order that is only tried', async () => {
    expect(await inversions([...thread(1, '+a +b -b -a'), ...thread(2, '+b ?a -a -b')])).toEqual([]);
  });

  it('list each lock as held while the next is acquired, the one that closed it last', async () => {
    const [finding] = ofKind(
      await replayProgram([...thread(1, '+a +b -b -a'), ...thread(2, '+b +c -c -b'), ...thread(3, '+c +a -a -c')]),
      'lock-inversion',
    );
    expect(finding.locks).toEqual(['a', 'b', 'c']);
    expect(finding).toMatchObject({ severity: 'error', confidence: 'observed' });
    expect(finding.evidence.filter((item) => !('range' in item))).toHaveLength(6);
  });

  it('over two runs of addresses that never meet are only possible (L5.11)', async () => {
    const steps = [...thread(1, '+a +o@1 -o@1 -a'), ...thread(2, '+o@2 +a -a -o@2')];
    const [finding] = ofKind(await replayProgram(steps), 'lock-inversion');
    expect(finding).toMatchObject({ severity: 'warning', confidence: 'inferred', feasible: 'no' });
    expect(notesText(finding)).toMatch(
      /class-level only: no two acquisitions in this trace used the same instance of o/,
    );
  });

  it('are told as guarded when every witness holds one more lock exclusively (L5.8)', async () => {
    const [finding] = ofKind(
      await replayProgram([...thread(1, '+g +a +b -b -a -g'), ...thread(2, '+g +b +a -a -b -g')]),
      'lock-inversion',
    );
    expect(finding.feasible).toBe('no');
    expect(notesText(finding)).toMatch(/guarded by g/);
  });

  it('through recursive readers are weak: a reader after a reader waits for nobody (T53)', async () => {
    // SRCU readers are read=2: mutex inside the reader, reader inside the mutex.
    expect(
      await inversions([...thread(1, 'r+lab_srcu +m -m -lab_srcu'), ...thread(2, '+m r+lab_srcu -lab_srcu -m')]),
    ).toEqual([]);
  });

  it('through fair readers hold, and say that they depend on the read type (L5.28)', async () => {
    const [finding] = ofKind(
      await replayProgram([...thread(1, 'r+sem +m -m -sem'), ...thread(2, '+m r+sem -sem -m')]),
      'lock-inversion',
    );
    expect(finding.severity).toBe('warning');
    expect(notesText(finding)).toMatch(/depends on the read type/);
  });

  it('of one class are none as long as its addresses keep an order: the annotation is not in the event (T19)', async () => {
    expect(await inversions([...thread(1, '+o@1 +o@2 -o@2 -o@1'), ...thread(2, '+o@1 +o@3 -o@3 -o@1')])).toEqual([]);
  });

  it('all show, with what lockdep would have hidden (L5.30, T22)', async () => {
    const steps = [
      ...thread(1, '+a +b -b -a'),
      ...thread(2, '+b +a -a -b'),
      ...thread(1, '+c +d -d -c'),
      ...thread(2, '+d +c -c -d'),
    ];
    const findings = ofKind(await replayProgram(steps), 'lock-inversion');
    expect(findings.map((finding) => finding.notes.find(({ rules }) => rules.includes('L5.30'))?.text)).toEqual([
      'lockdep would report this one first (“WARNING: possible circular locking dependency detected”) and switch itself off: it would hide 1 more',
      `lockdep would not show this one: it is off after lock-inversion ${findings[0].id}`,
    ]);
  });
});

describe('facts', () => {
  it('hold one row per hold of a lock, none per map or reader', async () => {
    const { facts } = await replayProgram(thread(1, '+a r+rcu_read_lock -rcu_read_lock -a'));
    expect(facts.lockHolds).toMatchObject([
      { tid: 1, read: false, trylock: false, startNs: 1_000_000_000, endNs: 1_000_050_000 },
    ]);
    expect(facts.samples).toEqual([['lock-hold', 'a', 50_000]]);
  });

  it('hold waits with their owner (W22, W23)', async () => {
    const steps = [...thread(1, '+a'), ...thread(2, '!a'), ...thread(1, '-a'), { tid: 2, op: '+a' }];
    const { facts, engine } = await replayProgram(steps.slice(0, 3));
    expect(engine.models.locks.waits()).toMatchObject([{ tid: 2, className: 'a', source: 'lockdep' }]);
    expect(facts.lockWaits).toMatchObject([{ tid: 2, endNs: null, ownerTid: null }]);
    const before = await replayProgram(steps.slice(0, 2));
    expect(before.facts.lockWaits).toMatchObject([{ tid: 2, endNs: null, ownerTid: 1 }]);
  });

  it('name edges with their types, witnesses and context', async () => {
    const { facts } = await replayProgram(thread(1, '+a +b -b -a', { flags: 'd.h1.' }));
    const names = new Map(facts.lockClasses.map((cls) => [cls.classId, cls.name]));
    expect(
      facts.lockEdges.map((edge) => [
        names.get(edge.fromClass),
        names.get(edge.toClass),
        edge.dependency,
        edge.context,
        edge.count,
      ]),
    ).toEqual([['a', 'b', 'EN', 'hardirq', 1]]);
  });
});
