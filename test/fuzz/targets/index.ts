import type { FuzzTarget } from '../target.ts';
import { CAPTURE_TARGETS } from './captures.ts';
import { FILE_TARGETS } from './files.ts';
import { STORE_TARGETS } from './stores.ts';

export const TARGETS: readonly FuzzTarget[] = [...CAPTURE_TARGETS, ...STORE_TARGETS, ...FILE_TARGETS];
