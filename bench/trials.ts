/** Trials: which are made, in which order, and what comes out of each. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Peer, peerOf, runPeer } from './peers.ts';

export const CASES = [
  'yardstick',
  'parse',
  'store',
  'models',
  'per-model',
  'whole',
  'replay',
  'query',
  'whatif',
  'export',
  'peer',
] as const;
export type Case = (typeof CASES)[number];

/** Cases that need a store of the input. */
const ON_STORE: readonly Case[] = ['replay', 'query', 'whatif', 'export'];

export interface Trial {
  readonly events: number;
  readonly wallNs: number;
  readonly cpuNs: number;
  readonly peakBytes: number;
  /** What the work consists of, for `per-model`. */
  readonly parts?: readonly Part[];
}

export interface Part {
  readonly name: string;
  /** Events that it looked at. */
  readonly events: number;
  readonly ns: number;
}

export interface Row {
  readonly input: string;
  readonly case: Case;
  /** Name of the tool, for `peer`. */
  readonly title: string;
  readonly trials: Trial[];
}

const SCRIPT = new URL('./trial.mjs', import.meta.url).pathname;

/**
 * Makes the trials of all rows in turn, so that a busy moment of the machine hits all of them.
 * @param work folder for stores
 */
export function makeTrials(
  inputs: readonly string[],
  cases: readonly Case[],
  trials: number,
  work: string,
  progress: (text: string) => void,
): Row[] {
  const rows = inputs.flatMap((input) =>
    cases.flatMap((name): Row[] => {
      const peer = name === 'peer' ? peerOf(input) : undefined;
      if (name === 'peer' && peer === undefined) return [];
      return [{ input, case: name, title: peer?.name ?? name, trials: [] }];
    }),
  );
  for (let trial = 0; trial < trials; trial++)
    for (const row of rows) {
      progress(`trial ${trial + 1} of ${trials}: ${basename(row.input)} ${row.title}`);
      row.trials.push(oneTrial(row, work));
    }
  progress('');
  return rows;
}

function oneTrial(row: Row, work: string): Trial {
  if (row.case === 'peer') return { ...runPeer(peerOf(row.input) as Peer, row.input), events: 0, peakBytes: 0 };
  const db = join(work, `${basename(row.input)}.db`);
  // Made once per input.
  if (ON_STORE.includes(row.case) && statSync(db, { throwIfNoEntry: false }) === undefined)
    child('whole', row.input, db);
  return child(row.case, row.input, db);
}

function child(name: Case, input: string, db: string): Trial {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, name, input, db], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} of ${input} failed:\n${stderr}`);
  return JSON.parse(stdout) as Trial;
}
