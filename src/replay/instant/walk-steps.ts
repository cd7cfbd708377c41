/** What the parts of a walk over the wait graph share. */
import type { WaitStep } from '../core/wait-walk.ts';
import type { RuledEdge } from '../knowledge/waits-for.ts';
import type { LiveRun } from '../model/models.ts';
import type { Task } from '../model/task/task.ts';
import type { WaitGraph } from './wait-graph.ts';

/** Something that is waited for at the instant. */
export interface LiveStep extends WaitStep<string, LiveStep> {
  readonly node: string;
  readonly edge: RuledEdge;
  readonly name: string;
  readonly sinceNs: number | null;
  readonly tid?: number;
  readonly cpu?: number;
  readonly note?: string | undefined;
}

/** What the models tell of tasks and CPUs, to those that know of grace periods. */
export interface LiveWaits {
  readonly graph: WaitGraph;
  readonly run: LiveRun;
  readonly atNs: number;

  /** A task, with what it does and what it waits for. */
  asTask(edge: RuledEdge, task: Task, note: string | undefined): LiveStep;

  /** A CPU and what takes its time. @param cpu −1: it is not known which */
  cpu(edge: RuledEdge, cpu: number, sinceNs: number | null, note: string | undefined): LiveStep;
}

/** Nothing is known of what it waits for. */
export const nothing = (): LiveStep[] => [];

export const INTERRUPTS = ['nmi', 'hardirq', 'softirq'] as const;
export const INTERRUPT_NAMES = { nmi: 'NMIs', hardirq: 'interrupts', softirq: 'softirqs' } as const;
