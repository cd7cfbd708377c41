/** Version of this package. */
import { readFileSync } from 'node:fs';

/** From package.json, which lies above dist/src/cli and above src/cli. */
export function packageVersion(): string {
  for (const relative of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(relative, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // The other one.
    }
  }
  return 'unknown';
}
