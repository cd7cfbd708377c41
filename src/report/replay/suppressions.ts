/**
 * Known issues: a file that names findings that need not be shown again, each with a reason. Suppressed findings are counted and
 * listed apart; nothing is forgotten in the store.
 *
 *     { "suppressions": [
 *       { "reason": "fixed by 1a2b3c in 6.14", "kind": "lock-inversion", "locks": ["*_srcu_usage.lock", "&pool->lock"] }
 *     ] }
 */
import {
  FINDING_KINDS,
  type Finding,
  type FindingKind,
  identityOf,
  type ReplayResult,
  RequestError,
  rowOf,
  type SuppressedFinding,
  type WhatIfResult,
} from '../../../schema/index.ts';
import { rootsOfRuns } from '../../replay/roots/roots.ts';

/** All fields that are given must match. Texts may hold `*` for any characters. */
export interface Suppression {
  readonly reason: string;
  /** Who looks after it. */
  readonly owner?: string;
  /** Where it is followed: a bug, a mail, a commit. */
  readonly link?: string;
  /** Last day on which it holds, 2026-12-31. */
  readonly expires?: string;
  /** Id of a finding. */
  readonly id?: readonly string[];
  /** What it is about, as quiesce findings prints it. */
  readonly identity?: readonly string[];
  readonly kind?: readonly FindingKind[];
  /** Lock classes that all occur in the finding, taken or held. */
  readonly locks?: readonly string[];
  /** Functions: one of them is the call, the work, or named in the evidence. */
  readonly functions?: readonly string[];
  /** RCU flavours, srcu_structs or workqueues, one of them. */
  readonly domains?: readonly string[];
  /** Names of tasks, one of them. */
  readonly tasks?: readonly string[];
}

/** A file that does not say what it should; the message names the place and what is expected. */
export class SuppressionError extends RequestError {
  override readonly name = 'SuppressionError';
}

const REMARKS = ['owner', 'link', 'expires'] as const;
const SELECTORS = ['id', 'identity', 'kind', 'locks', 'functions', 'domains', 'tasks'] as const;

/** @throws SuppressionError naming the entry, the field and what was expected */
export function parseSuppressions(text: string, fileName: string): Suppression[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SuppressionError(`${fileName}: not JSON: ${(error as Error).message}`);
  }
  if (!isRecord(value) || !Array.isArray(value.suppressions))
    throw new SuppressionError(`${fileName}: an object with a list "suppressions" expected`);
  const unknown = Object.keys(value).find((key) => key !== 'suppressions');
  if (unknown !== undefined) throw new SuppressionError(`${fileName}: unknown key "${unknown}"; known is suppressions`);
  return value.suppressions.map((entry, i) => parseEntry(entry, `${fileName}: suppressions[${i}]`));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseEntry(value: unknown, place: string): Suppression {
  if (!isRecord(value)) throw new SuppressionError(`${place}: an object expected`);
  const { reason, owner, link, expires, ...selectors } = value;
  if (typeof reason !== 'string' || reason.trim() === '')
    throw new SuppressionError(`${place}: "reason" must say why, in words`);
  const stray = Object.keys(selectors).find((key) => !(SELECTORS as readonly string[]).includes(key));
  if (stray !== undefined)
    throw new SuppressionError(
      `${place}: unknown field "${stray}"; known are reason, ${[...REMARKS, ...SELECTORS].join(', ')}`,
    );
  if (Object.keys(selectors).length === 0)
    throw new SuppressionError(`${place}: would suppress everything; give one of ${SELECTORS.join(', ')}`);
  const remarks = parseRemarks({ owner, link, expires }, place);
  const entry: Record<string, readonly string[]> = {};
  for (const [key, content] of Object.entries(selectors)) entry[key] = parseTexts(content, `${place}: "${key}"`);
  const odd = entry.kind?.find((kind) => !(FINDING_KINDS as readonly string[]).includes(kind));
  if (odd !== undefined)
    throw new SuppressionError(`${place}: "${odd}" is no kind of finding; known are ${FINDING_KINDS.join(', ')}`);
  return { reason: reason.trim(), ...remarks, ...entry };
}

function parseRemarks(
  remarks: Readonly<Record<(typeof REMARKS)[number], unknown>>,
  place: string,
): Pick<Suppression, (typeof REMARKS)[number]> {
  const given = Object.entries(remarks).filter(([, value]) => value !== undefined);
  for (const [key, value] of given) {
    if (typeof value !== 'string' || value.trim() === '')
      throw new SuppressionError(`${place}: "${key}" must be a text`);
    if (key === 'expires' && !isDay(value))
      throw new SuppressionError(`${place}: "expires" must be a day, as 2026-12-31`);
  }
  return Object.fromEntries(given);
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** Whether an entry holds no longer. @param today 2026-12-31, UTC */
export function hasExpired({ expires }: Suppression, today = new Date().toISOString().slice(0, 10)): boolean {
  return expires !== undefined && expires < today;
}

/** A text, or a list of texts. */
function parseTexts(content: unknown, place: string): string[] {
  const list = Array.isArray(content) ? content : [content];
  if (list.length === 0 || !list.every((text) => typeof text === 'string' && text !== ''))
    throw new SuppressionError(`${place} must be a text, or a list of texts`);
  return list as string[];
}

/** The first entry that fits a finding. */
export function suppressionOf(finding: Finding, entries: readonly Suppression[]): Suppression | undefined {
  return entries.find(
    ({ id, identity, kind, locks, functions, domains, tasks, ...remarks }) =>
      !hasExpired(remarks) &&
      (id === undefined || oneFits(id, [finding.id])) &&
      (identity === undefined || oneFits(identity, [identityOf(finding)])) &&
      (kind === undefined || kind.includes(finding.kind)) &&
      (locks === undefined || locks.every((lock) => oneFits([lock], locksOf(finding)))) &&
      (functions === undefined || oneFits(functions, functionsOf(finding))) &&
      (domains === undefined || oneFits(domains, domainsOf(finding))) &&
      (tasks === undefined || oneFits(tasks, tasksOf(finding))),
  );
}

function oneFits(patterns: readonly string[], texts: readonly string[]): boolean {
  return patterns.some((pattern) => texts.some((text) => fits(pattern, text)));
}

/** `*` stands for any characters; everything else for itself. Linear: no pattern makes it slow. */
function fits(pattern: string, text: string): boolean {
  const [first, ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === text;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() as string;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function locksOf(finding: Finding): readonly string[] {
  const { locks = [], held = [] } = rowOf(finding).identity(finding);
  return [...locks, ...held];
}

function functionsOf(finding: Finding): readonly string[] {
  const named = [
    finding.title,
    ...finding.notes.map((note) => note.text),
    ...finding.evidence.map(({ role }) => role),
  ].flatMap((text) => [...text.matchAll(/([A-Za-z_][\w.]*)\(\)/g)].map((match) => match[1]));
  return [...named, ...(rowOf(finding).identity(finding).functions ?? [])];
}

function domainsOf(finding: Finding): readonly string[] {
  const { domain } = rowOf(finding).identity(finding);
  return domain === undefined ? [] : [domain];
}

function tasksOf(finding: Finding): readonly string[] {
  return rowOf(finding).identity(finding).tasks ?? [];
}

interface Split {
  /** Findings to show. */
  readonly findings: readonly Finding[];
  readonly suppressed: readonly SuppressedFinding[];
}

/** @param show keep the suppressed ones among the findings, with a note */
function split(findings: readonly Finding[], entries: readonly Suppression[], show: boolean): Split {
  const suppressed: SuppressedFinding[] = [];
  const shown = findings.flatMap((finding) => {
    const entry = suppressionOf(finding, entries);
    if (entry === undefined) return [finding];
    const { id, kind, title } = finding;
    const { reason, owner, link } = entry;
    suppressed.push({
      id,
      kind,
      title,
      reason,
      ...(owner !== undefined && { owner }),
      ...(link !== undefined && { link }),
    });
    return show ? [{ ...finding, notes: [...finding.notes, { text: `suppressed: ${entry.reason}`, rules: [] }] }] : [];
  });
  return { findings: shown, suppressed };
}

/** The result with what is suppressed apart. @param show keep it among the findings as well, with a note */
export function suppressFindings(result: ReplayResult, entries: readonly Suppression[], show: boolean): ReplayResult {
  const { findings, suppressed } = split(result.findings, entries, show);
  return { ...result, ...rootsOfRuns(findings), suppressed };
}

/** The same for a verdict matrix: suppressed findings have no row. */
export function suppressVerdicts(result: WhatIfResult, entries: readonly Suppression[], show: boolean): WhatIfResult {
  const { findings: baseline, suppressed } = split(result.baseline, entries, show);
  if (show) return { ...result, baseline, suppressed };
  const hidden = new Set(suppressed.map(({ id }) => id));
  return {
    ...result,
    baseline,
    suppressed,
    variants: result.variants.map((variant) => ({
      ...variant,
      cleared: variant.cleared.filter((id) => !hidden.has(id)),
      remains: variant.remains.filter((id) => !hidden.has(id)),
      changed: variant.changed.filter(({ id }) => !hidden.has(id)),
      new: split(variant.new, entries, false).findings,
    })),
  };
}
