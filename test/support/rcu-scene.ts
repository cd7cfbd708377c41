/**
 * Little recordings of grace periods: events at seconds since the start, ticks on request. Tests of holdouts and of the stall decision
 * write what happens and read the verdict.
 */
import { trace } from './replay-dsl.ts';

const PERIOD = 41;

export class RcuScene {
  readonly #events: [ns: number, order: number, line: string][] = [];

  /** An event at `s` seconds; `task` is `comm-pid`. */
  at(s: number, task: string, cpu: number, payload: string, flags = '.....'): this {
    const order = this.#events.length;
    this.#events.push([
      Math.round((10 + s) * 1e9),
      order,
      `${task} [00${cpu}] ${flags} ${(10 + s).toFixed(6)}: ${payload}`,
    ]);
    return this;
  }

  /** Scheduler ticks of a CPU, every `1/hz` s in [from, to). */
  ticks(cpu: number, task: string, hz: number, from: number, to: number): this {
    for (let s = from; s < to; s += 1 / hz) {
      this.at(s, task, cpu, 'local_timer_entry: vector=236', 'd.h1.');
      this.at(s + 9e-6, task, cpu, 'local_timer_exit: vector=236', 'd.h1.');
    }
    return this;
  }

  /** `next` replaces `prev` on a CPU; tasks are `comm-pid`, priorities 120 unless given as `comm-pid/prio`. */
  runs(s: number, cpu: number, prev: string, next: string, state = 'S'): this {
    const [from, to] = [prev, next].map((task) => {
      const [name, prio = '120'] = task.split('/p');
      const dash = name.lastIndexOf('-');
      return { comm: name.slice(0, dash), pid: name.slice(dash + 1), prio };
    });
    return this.at(
      s,
      prev.split('/p')[0],
      cpu,
      `sched_switch: prev_comm=${from.comm} prev_pid=${from.pid} prev_prio=${from.prio} prev_state=${state} ==> next_comm=${to.comm} next_pid=${to.pid} next_prio=${to.prio}`,
      'd..2.',
    );
  }

  /** A grace period of CPUs 0 and 1 begins; CPU 0 reports at once. */
  begins(s = 0, seq = PERIOD): this {
    return this.at(s, 'rcu_preempt-14', 0, `rcu_grace_period: rcu_preempt ${seq} start`)
      .at(s + 1e-6, 'rcu_preempt-14', 0, `rcu_grace_period_init: rcu_preempt ${seq} 0 0 1 3`)
      .at(s + 1e-3, 'swapper-0', 0, `rcu_quiescent_state_report: rcu_preempt ${seq} 1>2 0 0 1 0`, '..s1.');
  }

  /** CPU 1 reports. */
  reports(s: number, task: string, seq = PERIOD): this {
    return this.at(s, task, 1, `rcu_quiescent_state_report: rcu_preempt ${seq} 2>0 0 0 1 0`, '..s1.');
  }

  ends(s: number, seq = PERIOD): this {
    return this.at(s, 'rcu_preempt-14', 0, `rcu_grace_period: rcu_preempt ${seq} end`);
  }

  /** ftrace text, in order of time. */
  get text(): string {
    const lines = [...this.#events].sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , line]) => line);
    return trace`${lines.join('\n')}`;
  }
}
