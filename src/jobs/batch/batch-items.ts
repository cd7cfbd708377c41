/** What a batch is of: folders, files and manifests, each of which becomes runs of the store. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { CaptureError, fileProblem, RequestError } from '../../../schema/index.ts';
import { isStoreFile } from '../../store/store-file.ts';
import { capturesOf } from './folder-captures.ts';
import { glob, isPattern } from './glob.ts';

/** The captures of one boot, to be found out when their turn comes. */
export interface BatchItem {
  /** Of the run: the folder, or folder and file. */
  readonly name: string;
  /** @throws CaptureError when there are none, or too many */
  captures(): Promise<readonly string[]>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface BatchSelection {
  /** Folders, captures and patterns for them. */
  readonly specs: readonly string[];
  /** Files with a run per line. */
  readonly manifests: readonly string[];
  /** Names or patterns of the captures within each folder; default: by content. */
  readonly files?: readonly string[];
  /** Labels of a manifest's line, from its words. @throws Error telling what is wrong */
  readonly parseLabels: (text: string) => Readonly<Record<string, string>>;
}

/**
 * In the order given; what is named twice is taken once. Stores are passed over, so that the batch's own may lie among its captures.
 * @throws RequestError when nothing is there, or a manifest does not say what it should
 */
export function batchItems({ specs, manifests, files, parseLabels }: BatchSelection): BatchItem[] {
  const paths = new Set<string>();
  for (const spec of specs) {
    const matches = isPattern(spec) ? glob(spec) : [spec];
    if (matches.length === 0) throw new RequestError(`${spec}: nothing matches`);
    for (const path of matches) if (!isStoreFile(path)) paths.add(path.replace(/(?<=.)\/+$/, ''));
  }
  const items = [...paths].map((path) => itemOf([path], files, {}));
  for (const manifest of manifests) items.push(...manifestItems(manifest, files, parseLabels));
  return items;
}

function itemOf(
  paths: readonly string[],
  files: readonly string[] | undefined,
  labels: Readonly<Record<string, string>>,
): BatchItem {
  const [first] = paths;
  const path = resolve(first);
  const folder = isFolder(first);
  return {
    name: folder ? basename(path) : [basename(dirname(path)), basename(path)].filter(Boolean).join('/'),
    labels,
    captures: async () => {
      if (paths.length > 1 || !folder) return paths;
      return files === undefined ? capturesOf(first) : namedFiles(first, files);
    },
  };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function namedFiles(folder: string, files: readonly string[]): string[] {
  const found = files.flatMap((file) => glob(join(folder.replace(/[*?[]/g, '[$&]'), file)));
  if (found.length === 0)
    throw new CaptureError(`${folder}: has none of ${files.join(', ')}; it has ${listed(folder)}`);
  return [...new Set(found)];
}

function listed(folder: string): string {
  const names = readdirSync(folder).sort();
  return names.length === 0 ? 'no files' : names.slice(0, 8).join(', ') + (names.length > 8 ? ', …' : '');
}

/**
 * A run per line: captures, then labels, separated by blanks; `#` begins a comment. Paths count from the folder of the manifest; one with
 * blanks stands in double quotes.
 */
function manifestItems(
  manifest: string,
  files: readonly string[] | undefined,
  parseLabels: BatchSelection['parseLabels'],
): BatchItem[] {
  let text: string;
  try {
    text = readFileSync(manifest, 'utf8');
  } catch (error) {
    throw new RequestError(`${manifest}: ${fileProblem(error)}`);
  }
  return text.split('\n').flatMap((line, i) => {
    const words = [...line.replace(/^\s*#.*|\s#.*/, '').matchAll(/"([^"]*)"|(\S+)/g)];
    if (words.length === 0) return [];
    const isLabel = (word: RegExpMatchArray): boolean => word[2] !== undefined && /^[A-Za-z][\w.-]*=/.test(word[2]);
    const paths = words.filter((word) => !isLabel(word)).map((word) => word[1] ?? word[2]);
    const place = `${manifest}:${i + 1}`;
    if (paths.length === 0) throw new RequestError(`${place}: labels without a capture`);
    const from = (path: string): string => (isAbsolute(path) ? path : join(dirname(manifest), path));
    try {
      const labels = words.filter(isLabel).map((word) => parseLabels(word[2]));
      return [itemOf(paths.map(from), files, Object.assign({}, ...labels))];
    } catch (error) {
      throw new RequestError(`${place}: ${(error as Error).message}`);
    }
  });
}
