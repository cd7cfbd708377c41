/** What the parts of a walk over the wait graph share. */
import type { ChainLinkKind, StateLink } from '../../../schema/index.ts';
import type { LiveRun } from '../model/models.ts';
import type { Task } from '../model/task/task.ts';
import type { WaitGraph } from './wait-graph.ts';

export interface LinkDetails {
  readonly tid?: number;
  readonly cpu?: number;
  readonly note?: string | undefined;
}

export interface WalkSteps {
  readonly graph: WaitGraph;
  readonly run: LiveRun;
  readonly atNs: number;

  /** A link, its successors found by `expand` unless it was shown before. @param node tells it from all others */
  link(
    rule: string,
    node: string,
    kind: ChainLinkKind,
    name: string,
    sinceNs: number | null,
    details: LinkDetails,
    expand: () => StateLink[],
  ): StateLink;

  /** A task, with what it does and what it waits for. */
  asTask(rule: string, kind: ChainLinkKind, task: Task, note: string | undefined): StateLink;

  /** A CPU and what takes its time. @param cpu −1: it is not known which */
  cpu(rule: string, cpu: number, sinceNs: number | null, note: string | undefined): StateLink;
}

export const INTERRUPTS = ['nmi', 'hardirq', 'softirq'] as const;
export const INTERRUPT_NAMES = { nmi: 'NMIs', hardirq: 'interrupts', softirq: 'softirqs' } as const;
