/**
 * The table of finding kinds: one row per kind, and the types that follow from it. A new kind is a row here and the detector that finds
 * it; reports, exports, assessments, plans, comparison, what-if and suppression read the row.
 */
import type { FindingBase } from '../findings.ts';
import { CPU_KINDS } from './cpu.ts';
import { LOCK_KINDS } from './lock.ts';
import type { KindRow } from './row.ts';
import { WAIT_KINDS } from './wait.ts';

export type { DeferralHazardKind, LockMisuseKind } from './lock.ts';
export { type EventGroup, type Need, namesOf } from './needs.ts';
export type { DetailFormat, KindNeeds } from './row.ts';
export type { Recurrence } from './wait.ts';

const KINDS = { ...LOCK_KINDS, ...WAIT_KINDS, ...CPU_KINDS };

export type FindingKind = keyof typeof KINDS;

type KeysOf<Row> = Row extends KindRow<infer Keys> ? Keys : never;

/** A verdict without its id: what all findings have, and the keys of its kind. */
export type FindingDraft = {
  [K in FindingKind]: FindingBase & { readonly kind: K } & KeysOf<(typeof KINDS)[K]>;
}[FindingKind];

/** A verdict. Its id is derived from its identity: the same in every replay, and for the same bug in every boot. */
export type Finding = FindingDraft & { readonly id: string };

/** All kinds, in the order of the table. */
export const FINDING_KINDS = Object.keys(KINDS) as readonly FindingKind[];

/** The row of a kind, for what does not depend on a finding. */
export function kindRow(kind: FindingKind): KindRow<unknown> {
  return KINDS[kind] as KindRow<unknown>;
}

/** The row of a finding's kind, whose functions take that finding. */
export function rowOf(finding: FindingDraft): KindRow<FindingDraft> {
  return KINDS[finding.kind] as unknown as KindRow<FindingDraft>;
}

/** Could this capture decide a kind of finding, and if not, which events were missing. */
export interface Assessment {
  readonly kind: FindingKind;
  readonly status: 'assessed' | 'partial' | 'not-assessed';
  /** Events or inputs that would decide it. */
  readonly missing: readonly string[];
  readonly note: string;
}
