/** Paths as CI systems want them: relative to the folder that was checked out. */
import { isAbsolute, relative, resolve } from 'node:path';

/** A path below `folder` as relative to it; any other as it is. */
export function relativePath(path: string, folder: string): string {
  const found = relative(folder, resolve(folder, path));
  return found === '' || found.startsWith('..') || isAbsolute(found) ? path : found;
}

/** The same as a URI reference. */
export function relativeUri(path: string, folder: string): string {
  const shown = relativePath(path, folder);
  const encoded = shown.split('/').map(encodeURIComponent).join('/');
  return shown.startsWith('/') ? `file://${encoded}` : encoded;
}
