/** Folders for the files of a test. They are gone when it is done. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, onTestFinished } from 'vitest';

/** A folder for a test file, which removes it after all. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'quiesce-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A folder that goes when the test is done. */
export function folderOfTest(): string {
  const { path, remove } = temporaryFolder();
  onTestFinished(remove);
  return path;
}

/** A new folder for each test of the file. */
export function folderForEachTest(): { readonly path: string } {
  let folder = { path: '', remove: (): void => undefined };
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());
  return {
    get path() {
      return folder.path;
    },
  };
}

/** Writes a file into a folder. @returns its path */
export function writeFileIn(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
