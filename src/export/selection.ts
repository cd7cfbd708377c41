/** What of a run goes into a viewer's file. */
import { NO_CPU } from '../../schema/index.ts';

/** Parts of a run, as `--only` names them. */
export const EXPORT_PARTS = {
  findings: 'root causes, their findings, and the chains from blocked tasks to the root',
  'grace-periods': 'grace periods of RCU and SRCU with their phases, and what held them up',
  waits: 'synchronize_*() and related calls with their phases, and who waits for whom',
  locks: 'held locks and contended waits of each task, and the events of locks',
  scheduling: 'switches, wakeups and the life of tasks',
  interrupts: 'NMIs, hard and soft interrupts, IPIs',
  work: 'work items and timers',
  counters: 'share of NMIs per CPU, runnable and blocked tasks',
  events: 'all other events, with all their fields',
} as const;

export type ExportPart = keyof typeof EXPORT_PARTS;

/** Systems of tracepoints by the part that they belong to; all others are `events`. */
const SYSTEM_PARTS: Readonly<Record<string, ExportPart>> = {
  sched: 'scheduling',
  task: 'scheduling',
  irq: 'interrupts',
  irq_vectors: 'interrupts',
  nmi: 'interrupts',
  ipi: 'interrupts',
  csd: 'interrupts',
  workqueue: 'work',
  timer: 'work',
  lock: 'locks',
};

export function partOfSystem(system: string): ExportPart {
  return SYSTEM_PARTS[system] ?? 'events';
}

export interface ExportSelection {
  /** What ends before is left out, ns on the run's timeline. */
  readonly fromNs: number;
  /** What begins later is left out. */
  readonly toNs: number;
  /** Events and spans of these CPUs; undefined: of all. What belongs to no CPU is not concerned. */
  readonly cpus?: ReadonlySet<number>;
  /** undefined: all parts. */
  readonly parts?: ReadonlySet<ExportPart>;
}

export const EVERYTHING: ExportSelection = {
  fromNs: Number.NEGATIVE_INFINITY,
  toNs: Number.POSITIVE_INFINITY,
};

export function hasPart({ parts }: ExportSelection, part: ExportPart): boolean {
  return parts === undefined || parts.has(part);
}

export function hasCpu({ cpus }: ExportSelection, cpu: number): boolean {
  return cpus === undefined || cpu === NO_CPU || cpus.has(cpu);
}
