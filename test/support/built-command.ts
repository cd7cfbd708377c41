/** The command as it is delivered: the bundle in dist/, which `npm test` builds first. */
import { existsSync } from 'node:fs';

/** Path of the script that the package's bin names. */
export const MAIN = new URL('../../dist/bin/main.js', import.meta.url).pathname;

/** @throws Error when it is not built */
export function requireBuild(): void {
  if (!existsSync(MAIN)) throw new Error('dist/ is not built: npm run build');
}
