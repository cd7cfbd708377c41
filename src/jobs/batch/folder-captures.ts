/** Which files of a folder are the captures of its run: by content, as far as content tells. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CaptureError, fileProblem } from '../../../schema/index.ts';
import { openCapture } from '../../ingest/capture.ts';
import { isStoreFile } from '../../store/store-file.ts';

/** Any text could be a log: the name decides. Those of dmesg(1), serial consoles, syslog and pstore. */
const LOG_NAME = /dmesg|console|kmsg|kern|syslog|messages|serial|ramoops|\.log\b/i;

const RECORDINGS = ['trace-dat', 'perf-data'];
const TEXT_TRACES = ['ftrace-text', 'perf-script', 'trace-json'];
const LOG = 'console';

/** Names that recorders give when nobody names the file: of several captures the one that is meant. */
const USUAL_NAMES = /^(?:trace\.dat|perf\.data|trace\.txt|trace|dmesg(?:\.txt|\.log)?)(?:\.(?:gz|zst))?$/;

interface Recognised {
  readonly name: string;
  readonly format: string;
}

/**
 * A binary recording of each format, or else one text trace; and one log. Of several that which has the recorder's usual name.
 * @throws CaptureError when the folder has none, or more than one that could be meant
 */
export async function capturesOf(folder: string): Promise<string[]> {
  const found = await recognised(folder);
  const chosen = RECORDINGS.flatMap((format) => theOne(folder, format, named(found, [format])));
  if (chosen.length === 0) chosen.push(...theOne(folder, 'text', named(found, TEXT_TRACES)));
  chosen.push(...theOne(folder, 'log', named(found, [LOG])));
  if (chosen.length === 0) throw new CaptureError(`${folder}: no capture in it`);
  return chosen.map((name) => join(folder, name));
}

function named(found: readonly Recognised[], formats: readonly string[]): string[] {
  return found.filter(({ format }) => formats.includes(format)).map(({ name }) => name);
}

function theOne(folder: string, what: string, names: readonly string[]): string[] {
  if (names.length < 2) return [...names];
  const usual = names.filter((name) => USUAL_NAMES.test(name));
  if (usual.length !== 1)
    throw new CaptureError(
      `${folder}: ${names.length} captures of one kind (${what}): ${names.join(', ')}; say which with --files`,
    );
  return usual;
}

async function recognised(folder: string): Promise<Recognised[]> {
  const found: Recognised[] = [];
  for (const name of filesIn(folder)) {
    const path = join(folder, name);
    if (isStoreFile(path)) continue;
    try {
      const capture = await openCapture(path, {});
      const { id } = capture.format;
      await capture.close();
      if (id !== LOG || LOG_NAME.test(name)) found.push({ name, format: id });
    } catch {
      // No capture.
    }
  }
  return found;
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.') && statSync(join(folder, name)).isFile())
      .sort();
  } catch (error) {
    throw new CaptureError(`${folder}: ${fileProblem(error)}`);
  }
}
