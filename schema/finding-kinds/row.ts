/** What a row of the table of finding kinds says. */
import type { FindingBase, Root } from '../findings.ts';
import type { LogReportKind } from '../log-report.ts';
import type { EventGroup } from './needs.ts';

/**
 * What a finding is, apart from when and where it was seen: the parts of its identity, as they are in the finding. Ids, comparison,
 * what-if and suppression all read these; none has rules of its own.
 */
export interface IdentityParts {
  /** Root cause. Two findings that differ in nothing else are one thing with another cause. */
  readonly cause?: string;
  /** Lock classes. */
  readonly locks?: readonly string[];
  /** `cycle`: it has no first member · `fixed`: their order is part of what it is · by default they are a set. */
  readonly lockOrder?: 'cycle' | 'fixed';
  /** Lock classes held at the time, a set. */
  readonly held?: readonly string[];
  /** RCU flavour or srcu_struct. */
  readonly domain?: string;
  /** Names of tasks, a set. */
  readonly tasks?: readonly string[];
  /** Functions, API calls, work items. */
  readonly functions?: readonly string[];
  /** What else tells two apart: `hardirq`, `expedited`, the way in which a lock is misused. */
  readonly detail?: readonly string[];
}

/** What a kind's verdict rests on: read by the assessments and by `quiesce plan`. */
export interface KindNeeds {
  readonly events: readonly EventGroup[];
  /** Kernel-log reports that decide it without events. */
  readonly reports: readonly LogReportKind[];
  /** Names of events that make the verdict more precise; `system:*` stands for a whole system. */
  readonly helpful: readonly string[];
}

/** lockdep prints its first problem and switches itself off (MODEL L5.1, L5.30): what it makes of a finding of this kind. */
export interface LockdepMasking<Keys> {
  /** Its place among the checks of one acquisition (L5.30). */
  readonly check: number;
  /** Title line of its report (MODEL 7.2). */
  title(finding: FindingBase & Keys): string;
  /** Whether lockdep is off after such a report and hides everything that comes later. */
  switchesOff(finding: FindingBase & Keys): boolean;
}

/** How numbers are written in details. */
export interface DetailFormat {
  duration(ns: number): string;
}

/** One kind of finding. `Keys`: the JSON keys that its findings have beside those of all findings. */
export interface KindRow<Keys> {
  /** What it means, in a sentence, for readers that know nothing of quiesce (SARIF rule, docs). */
  readonly meaning: string;
  /** The kernel's own report of it; '' when it has none. */
  readonly counterpart: string;
  /** Order of the kinds in a report, smallest first: verdicts that explain others come first. */
  readonly rank: number;
  /**
   * `interval`: how long it lasted says how bad it is · `instant`: it happened at some time, its length means nothing ·
   * `rule`: a rule of locking is broken or not, for the whole run.
   */
  readonly lasts: 'interval' | 'instant' | 'rule';
  readonly needs: KindNeeds;
  /** Missing: lockdep does not look for it. */
  readonly lockdep?: LockdepMasking<Keys>;
  identity(finding: FindingBase & Keys): IdentityParts;
  /**
   * Which occurrence within a boot: what the kernel reported and what the events show are one finding when it matches and their times
   * are compatible. Missing: findings of this kind are never merged.
   */
  occurrence?(finding: FindingBase & Keys): string;
  /** What it is about, in a few words: a row of the what-if matrix. */
  subject(finding: FindingBase & Keys): string;
  /** The keys that the title need not repeat, a line each. */
  details(finding: FindingBase & Keys, format: DetailFormat): readonly string[];
  /** Carries the type only. */
  readonly keys?: Keys;
}

/** A row whose findings have these keys. */
export const kind = <Keys>(row: KindRow<Keys>): KindRow<Keys> => row;

export const taskText = (comm: string, tid: number | undefined): string =>
  tid === undefined ? comm : `${comm}:${tid}`;

export const listText = (names: readonly string[]): string => names.join(', ') || 'nothing';

/** Class names without `#2` and `/1`, which events do not carry (L5.4). */
export const plainClass = (name: string): string => name.replace(/[#/]\d+/g, '');

/** The same classes in any order, with and without subclass. */
export const classSet = (names: readonly string[]): string => [...new Set(names.map(plainClass))].sort().join('\u0000');

/** The cause that a root names. Who has a CPU when a storm of interrupts hits it is chance; any other task that is named is to blame. */
export function causeOf(root: Root | undefined): { cause?: string } {
  if (root === undefined) return {};
  const task = root.kind.endsWith('-storm') || root.task === undefined ? [] : [stableTaskName(root.task)];
  return { cause: [root.kind, ...(root.code === undefined ? [] : [root.code]), ...task].join(' ') };
}

/** Tasks of one kind: `kworker/0:2` is `kworker/N:N`, `job12` is `jobN`. */
export const stableTaskName = (name: string): string => name.replace(/u?\d+H?/g, 'N');
