/** Paths that match a pattern: what a shell does, for patterns that are too long for one, or that a manifest holds. */
import { type Dirent, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const MAGIC = /[*?[]/;

/** Whether a text is more than a path. */
export function isPattern(text: string): boolean {
  return MAGIC.test(text);
}

/**
 * Matches of a pattern, sorted: `*` and `?` within a name, `[a-c]`, `**` for any folders. Hidden names match only what begins with a dot.
 * A trailing slash asks for folders.
 */
export function glob(pattern: string): string[] {
  const foldersOnly = pattern.endsWith('/');
  const segments = pattern.split('/').filter((segment, i) => segment !== '' || i === 0);
  const absolute = segments[0] === '';
  const found = expand(absolute ? '/' : '', absolute ? segments.slice(1) : segments, foldersOnly);
  return [...new Set(found)].sort();
}

function expand(folder: string, [segment, ...rest]: readonly string[], foldersOnly: boolean): string[] {
  if (segment === undefined) return [folder];
  const last = rest.length === 0;
  if (segment === '**') {
    const below = entries(folder).filter((entry) => isFolder(folder, entry) && !entry.name.startsWith('.'));
    return [
      ...(last ? below.map(({ name }) => join(folder, name)) : expand(folder, rest, foldersOnly)),
      ...below.flatMap(({ name }) => expand(join(folder, name), [segment, ...rest], foldersOnly)),
    ];
  }
  if (!isPattern(segment)) {
    const path = join(folder, segment);
    return existsSync(path) ? expand(path, rest, foldersOnly) : [];
  }
  const fits = namePattern(segment);
  return entries(folder)
    .filter((entry) => fits.test(entry.name) && (segment.startsWith('.') || !entry.name.startsWith('.')))
    .filter((entry) => (last && !foldersOnly) || isFolder(folder, entry))
    .flatMap(({ name }) => expand(join(folder, name), rest, foldersOnly));
}

function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder === '' ? '.' : folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function isFolder(folder: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  // A link to a folder is one; what it leads to is looked at once.
  return existsSync(join(folder, entry.name, '.'));
}

/** What a name has to be like: `*`, `?` and `[a-c]`. */
export function namePattern(segment: string): RegExp {
  const source = segment.replace(/\[!?[^\]]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (part.length > 1) return part.replace(/^\[!/, '[^').replace(/\\/g, '\\\\');
    return part.replace(/[\\^$.|+(){}[\]]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 's');
}
