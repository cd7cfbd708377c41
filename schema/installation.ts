/** Where the files of this package lie: data that is read when it is asked for, and scripts that run beside the caller. */
import { existsSync, readFileSync } from 'node:fs';

let root: URL | undefined;

/** The folder of package.json: above the sources, the compiled files and the bundles alike. */
function packageRoot(): URL {
  if (root !== undefined) return root;
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const above = new URL('..', folder);
    if (above.href === folder.href) throw new Error('package.json is missing from the installation of quiesce');
    folder = above;
  }
  root = folder;
  return folder;
}

/**
 * A file or folder of this package.
 * @param path below the folder of package.json; a folder ends with `/`
 * @throws Error when it is not there
 */
export function packageFile(path: string): URL {
  const url = new URL(path, packageRoot());
  if (!existsSync(url)) throw new Error(`${path} is missing from the installation of quiesce`);
  return url;
}

/** Version of this package, from package.json. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}

/** Threads and processes run compiled code only: none from sources, as tests run them. */
export const RUNS_COMPILED = import.meta.url.endsWith('.js');

/** A script for a thread or a process of its own; see `bundle` in package.json. */
export const companionScript = (name: 'worker' | 'store-worker' | 'statement-process' | 'batch-process'): URL =>
  packageFile(`dist/bin/${name}.js`);
