import { describe, expect, it } from 'vitest';
import { callerKey, LogGrammar } from '../../../parsers/console/log-grammar.ts';
import { DictionaryWriter } from '../../../parsers/index.ts';
import { BatchWriter, EventBatch, NO_FACTS } from '../../../schema/index.ts';
import { ReplayEngine } from '../../../src/replay/engine.ts';
import { fixture } from '../../support/console-log.ts';
import { notesRules, notesText } from '../../support/notes.ts';
import { findingsOf, replayLog, stamped } from '../../support/replay-log.ts';

describe('lock reports become findings', () => {
  it('a circular dependency: its chain in order, once, with the lines and the stop of lockdep', async () => {
    const outcome = await replayLog(fixture('lock-cycle.txt'));
    const [finding] = findingsOf(outcome, 'lock-inversion');
    expect(findingsOf(outcome, 'lock-inversion')).toHaveLength(1);
    expect(finding).toMatchObject({
      locks: ['lab_srcu_srcu_usage.lock', '&pool->lock', '&p->pi_lock', '&rq->__lock'],
      severity: 'error',
      confidence: 'reported',
      evidence: [{ line: 4 }],
    });
    expect(notesText(finding)).toContain(
      '&pool->lock was held while &p->pi_lock was acquired (try_to_wake_up ← wake_up_process ← create_worker)',
    );
    expect(notesText(finding)).toContain('switched itself off');
  });

  it('inconsistent state, unsafe order and recursion', async () => {
    expect(findingsOf(await replayLog(fixture('irq-state-softirq.txt')), 'irq-lock-state')).toMatchObject([
      { irq: 'softirq', locks: ['lab_soft_lock'], severity: 'error' },
    ]);
    expect(findingsOf(await replayLog(fixture('irq-order.txt')), 'irq-lock-order')).toMatchObject([
      { irq: 'hardirq', locks: ['lab_irq_lock', 'lab_unsafe_lock'] },
    ]);
    expect(findingsOf(await replayLog(fixture('recursion.txt')), 'lock-recursion')).toMatchObject([
      { locks: ['lab_rw_a'], title: expect.stringContaining('that very lock') },
    ]);
    expect(findingsOf(await replayLog(fixture('sleep-in-atomic.txt')), 'sleep-in-atomic')).toMatchObject([
      { task: 'lab_atomic', tid: 66, held: ['lab_spin_a'] },
    ]);
  });

  it('an irq inversion, with the class that was taken in the interrupt first', async () => {
    const log = (past: string) =>
      stamped(5, [
        'WARNING: possible irq lock inversion dependency detected',
        'swapper/0/0 just changed the state of lock:',
        'ffff888100a3a0b8 (this){-.-.}-{2:2}, at: serial_interrupt+0x20/0x90',
        `but this lock ${past} lock in the past:`,
        ' (other){+.+.}-{2:2}',
      ]);
    expect(findingsOf(await replayLog(log('took another, HARDIRQ-unsafe')), 'irq-lock-order')[0].locks).toEqual([
      'this',
      'other',
    ]);
    expect(findingsOf(await replayLog(log('was taken by another, HARDIRQ-safe')), 'irq-lock-order')[0].locks).toEqual([
      'other',
      'this',
    ]);
  });

  it('one report printed twice is one finding', async () => {
    const log = fixture('recursion.txt').replace(/^.*\n/, '');
    const later = log.replaceAll('[    9.', '[   99.');
    expect(findingsOf(await replayLog(log + later), 'lock-recursion')).toHaveLength(1);
  });
});

describe('invalid wait contexts (L5.31, L5.32)', () => {
  /** Case B, Bug 1, with its locks (MODEL A1). */
  const bug1 = stamped(20, [
    '=============================',
    '[ BUG: Invalid wait context ]',
    '7.0.0-rc1 #1 Not tainted',
    '-----------------------------',
    '(udev-worker)/115 is trying to lock:',
    'ffffffffa6a6cd30 (rcu_tasks_trace_srcu_struct_srcu_usage.lock){....}-{3:3}, at: spin_lock_irqsave_ssp_contention+0x54/0x90',
    'other info that might help us debug this:',
    'context-{5:5}',
    '3 locks held by (udev-worker)/115:',
    ' #0: ff11000100b7e9d8 (&p->pi_lock){-.-.}-{2:2}, at: task_rq_lock+0x2c/0x100',
    ' #1: ff110004fac88c58 (&rq->__lock){-.-.}-{2:2}, at: raw_spin_rq_lock_nested+0x24/0xb0',
    ' #2: ffffffffa6a6cd60 (rcu_read_lock){....}-{1:3}, at: __bpf_prog_enter+0x1a/0x90',
    'stack backtrace:',
    'CPU: 1 UID: 0 PID: 115 Comm: (udev-worker) Not tainted 7.0.0-rc1 #1 PREEMPT(full)',
    'Call Trace:',
    ' <TASK>',
    ' dump_stack_lvl+0x6f/0xb0',
    ' __lock_acquire+0xf86/0x1de0',
    ' lock_acquire+0xcf/0x310',
    ' _raw_spin_lock_irqsave+0x39/0x60',
    ' srcu_gp_start_if_needed+0xb3/0x540',
    ' call_srcu+0x1b/0x20',
    ' bpf_selem_unlink+0x1/0x2',
    ' bpf_task_storage_delete+0x1/0x2',
    ' </TASK>',
  ]);

  it('computes the limit, names the numbering, and does not take context-{5:5} for atomic (T20)', async () => {
    const [finding] = findingsOf(await replayLog(bug1), 'wait-context');
    expect(finding).toMatchObject({
      locks: ['rcu_tasks_trace_srcu_struct_srcu_usage.lock'],
      held: ['&p->pi_lock', '&rq->__lock', 'rcu_read_lock'],
      severity: 'error',
      confidence: 'reported',
      title: expect.stringContaining('(spinlock_t) is acquired while &p->pi_lock, &rq->__lock are held'),
    });
    const notes = notesText(finding);
    expect(notes).toContain('limit = min of these = 2 (raw spinlock)');
    expect(notes).toContain('numbering of a kernel with PROVE_RAW_LOCK_NESTING');
    expect(notes).toContain('it does not mean atomic');
  });

  it('says which inversion hides behind it: Bug 1 hid Bug 2 (MODEL A1, T22)', async () => {
    const outcome = await replayLog(bug1);
    const classes = findingsOf(outcome, 'lock-inversion').map((finding) => finding.locks.join(' → '));
    expect(classes).toContain('rcu_tasks_trace_srcu_struct_srcu_usage.lock → &pool->lock → &p->pi_lock → &rq->__lock');
    for (const finding of findingsOf(outcome, 'lock-inversion')) {
      expect(finding).toMatchObject({ severity: 'warning', confidence: 'inferred' });
      expect(notesRules(finding)).toContain('L5.30');
    }
  });

  it('infers nothing where SRCU starts its grace periods outside of the lock (7.0 final)', async () => {
    const outcome = await replayLog(bug1.replaceAll('7.0.0-rc1', '7.0.3'));
    expect(findingsOf(outcome, 'lock-inversion')).toEqual([]);
  });

  it('does not report the cycle again that lockdep reported', async () => {
    const outcome = await replayLog(fixture('lock-cycle.txt'));
    expect(findingsOf(outcome, 'lock-inversion').filter((finding) => finding.confidence === 'inferred')).toEqual([]);
  });

  it('tells the two numberings apart', async () => {
    const log = (lock: string, context: string) =>
      stamped(5, ['[ BUG: Invalid wait context ]', 'a/1 is trying to lock:', lock, `context-{${context}:${context}}`]);
    const notes = async (lock: string, context: string) =>
      notesText(findingsOf(await replayLog(log(lock, context)), 'wait-context')[0]);
    expect(await notes('ffff00004a747498 (&mm->mmap_lock){++++}-{3:3}, at: f+0x1/0x2', '4')).toContain(
      'without PROVE_RAW_LOCK_NESTING',
    );
    expect(await notes('ffff00004a747498 (&mm->mmap_lock){++++}-{4:4}, at: f+0x1/0x2', '2')).toContain(
      'with PROVE_RAW_LOCK_NESTING',
    );
    expect(await notes('ffff00004a747498 (some){++++}-{3:3}, at: f+0x1/0x2', '2')).toContain('do not tell');
  });
});

describe('the profile follows the log (MODEL §0)', () => {
  it('release, PREEMPT_RT, raw nesting and PROVE_RCU', async () => {
    const { profile } = await replayLog(fixture('wait-context-rt.txt'));
    expect(profile).toMatchObject({ release: '6.12.117-labB-rt', rt: true, rawLockNesting: true, proveRcu: true });
  });

  it('does not override what the user fixed', async () => {
    const { profile } = await replayLog(fixture('wait-context-rt.txt'), { rt: false, release: 'mine' });
    expect(profile).toMatchObject({ release: 'mine', rt: false });
  });
});

describe('reports inside a trace', () => {
  it('are proved by the console event with which they begin', () => {
    const engine = new ReplayEngine({ facts: NO_FACTS });
    const dictionary = new DictionaryWriter();
    const type = dictionary.eventType('console', 'tracepoint', 'printk', []);
    const batch = new EventBatch(4);
    const writer = new BatchWriter(batch);
    const grammar = new LogGrammar();
    const lines = ['unrelated', 'INFO: task a:7 blocked for more than 143 seconds.'];
    for (const [i, line] of lines.entries()) {
      writer.begin(1e9 + i, 0, 28, 0, type.typeId, 0, 0);
      writer.text(line);
      writer.end();
      grammar.feed(1e9 + i, 0, 0, callerKey(28, 0), line);
    }
    batch.delta = dictionary.takeDelta();
    batch.reports = grammar.finish();
    batch.firstEventId = 41;
    engine.step(batch);
    expect(findingsOf(engine.finish(), 'hung-task')).toMatchObject([
      { task: 'a', evidence: [{ event: 42, role: 'a:7 is reported' }] },
    ]);
  });
});
