/** A store in memory, for what needs a connection only. */
import Database from 'better-sqlite3';
import type { Connection } from '../../src/store/store-file.ts';

export const memoryConnection = (): Connection => new Database(':memory:');
