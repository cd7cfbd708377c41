/** Version of this package. */
import { readFileSync } from 'node:fs';
import { packageFile } from '../../schema/index.ts';

/** From package.json. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}
