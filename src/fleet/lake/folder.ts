/**
 * The folder of a lake: `day=2026-12-01/<batch>/<table>.parquet`. A batch is written aside and renamed into its day, so that it appears whole
 * or not at all. A merged batch names those that it replaces: from its rename on they are not read, and then they are removed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileProblem } from '../../../schema/index.ts';
import { type DaySpan, FleetError } from '../sink.ts';

const MARK = 'quiesce-lake.json';
const SCHEMA = 'quiesce.lake/1';
const REPLACES = 'replaces.json';
const DAY = /^day=(\d{4}-\d{2}-\d{2})$/;
/** Begins what is being written; nobody reads it. */
const FRESH = '.new-';
/** What a killed push left is removed after this time. */
const LEFT_BEHIND_MS = 24 * 3600 * 1000;

/** Batches of a day. */
export interface Batch {
  readonly day: string;
  /** Name of its folder. */
  readonly name: string;
  readonly folder: string;
}

/** Whether there is a lake. @throws FleetError when there is something else, or a newer lake */
export function isLake(root: string): boolean {
  let text: string;
  try {
    text = readFileSync(join(root, MARK), 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return false;
    throw new FleetError(`${root}: ${fileProblem(error)}`);
  }
  if (!text.includes(`"${SCHEMA}"`))
    throw new FleetError(`${root}: holds a lake of another version (${MARK}); this quiesce writes ${SCHEMA}`);
  return true;
}

/** Makes a folder a lake: one that does not exist, or is empty. @throws FleetError */
export function createLake(root: string): void {
  if (isLake(root)) return;
  try {
    mkdirSync(root, { recursive: true });
    if (readdirSync(root).some((name) => !name.startsWith(FRESH) && name !== '.lock'))
      throw new FleetError(`${root}: is neither empty nor a lake; choose another folder`);
    writeFileSync(join(root, `${FRESH}mark`), `${JSON.stringify({ schema: SCHEMA })}\n`);
    renameSync(join(root, `${FRESH}mark`), join(root, MARK));
  } catch (error) {
    throw error instanceof FleetError ? error : new FleetError(`${root}: cannot be made a lake: ${fileProblem(error)}`);
  }
}

/** Batches that count, by day. @throws FleetError */
export function batches(root: string, span: DaySpan = {}): Batch[] {
  if (!isLake(root)) throw new FleetError(`${root}: is no lake; quiesce fleet push --to ${root} makes one`);
  try {
    const days = readdirSync(root).flatMap((name) => DAY.exec(name)?.[1] ?? []);
    return days
      .filter((day) => (span.since ?? day) <= day && day <= (span.until ?? day))
      .sort()
      .flatMap((day) => dayBatches(root, day));
  } catch (error) {
    throw error instanceof FleetError ? error : new FleetError(`${root}: ${fileProblem(error)}`);
  }
}

function dayBatches(root: string, day: string): Batch[] {
  const folder = join(root, `day=${day}`);
  const names = readdirSync(folder).sort();
  const replaced = new Set(names.flatMap((name) => replacedBy(join(folder, name))));
  return names.filter((name) => !replaced.has(name)).map((name) => ({ day, name, folder: join(folder, name) }));
}

/** Names of the batches that one was merged from. */
function replacedBy(folder: string): string[] {
  const path = join(folder, REPLACES);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as string[]) : [];
}

/**
 * Puts a batch into its day.
 * @param write fills the folder
 * @param replaces batches of the day that it was merged from
 * @throws FleetError
 */
export function addBatch(
  root: string,
  day: string,
  name: string,
  write: (folder: string) => void,
  replaces: readonly Batch[] = [],
): void {
  const fresh = join(root, `${FRESH}${process.pid}-${name}`);
  const home = join(root, `day=${day}`);
  try {
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    write(fresh);
    if (replaces.length > 0) writeFileSync(join(fresh, REPLACES), JSON.stringify(replaces.map((batch) => batch.name)));
    mkdirSync(home, { recursive: true });
    renameSync(fresh, join(home, name));
    for (const { folder } of replaces) rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error instanceof FleetError ? error : new FleetError(`${root}: cannot be written: ${fileProblem(error)}`);
  }
}

/** Removes what killed processes left. */
export function tidy(root: string): void {
  for (const name of readdirSync(root).filter((entry) => entry.startsWith(FRESH))) {
    const path = join(root, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > LEFT_BEHIND_MS) rmSync(path, { recursive: true, force: true });
  }
}
