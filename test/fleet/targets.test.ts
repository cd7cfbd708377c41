/** Addresses, repeated attempts, and packages that are not there. */
import { describe, expect, it } from 'vitest';
import { tabSeparated } from '../../src/fleet/clickhouse/connection.ts';
import { isTransient, withRetries } from '../../src/fleet/clickhouse/retry.ts';
import { clickHouseSchema } from '../../src/fleet/clickhouse/tables.ts';
import { parseClickHouseUrl } from '../../src/fleet/clickhouse/url.ts';
import { clickHouseText } from '../../src/fleet/dialects.ts';
import { openSink } from '../../src/fleet/open.ts';
import { optionalPackage } from '../../src/fleet/optional-package.ts';

describe('an address of ClickHouse', () => {
  const env = { CLICKHOUSE_USER: 'ci', CLICKHOUSE_PASSWORD: 'secret' };

  it.each([
    ['clickhouse://ch1', 'http://ch1:8123', 'quiesce'],
    ['clickhouse://ch1?secure=true', 'https://ch1:8443', 'quiesce'],
    ['clickhouse://ch1:9999/fleet?cluster=lab&timeout=5', 'http://ch1:9999', 'fleet'],
    ['clickhouse://ch1:80/fleet', 'http://ch1:80', 'fleet'],
    ['clickhouse://[::1]:8123/fleet', 'http://[::1]:8123', 'fleet'],
  ])('%s', (text, url, database) => {
    expect(parseClickHouseUrl(text, env)).toMatchObject({ url, database, user: 'ci', password: 'secret' });
  });

  it.each([
    ['clickhouse://', 'is no address'],
    ['clickhouse://user:secret@ch1/fleet', 'credentials belong into CLICKHOUSE_USER'],
    ['clickhouse://ch1/fleet;DROP', 'cannot be a name'],
    ['clickhouse://ch1/fleet?cluster=a%27b', 'cannot be a name'],
    ['clickhouse://ch1/fleet?tls=1', "'tls' is no parameter"],
    ['clickhouse://ch1/fleet?timeout=no', 'timeout is in seconds'],
  ])('%s is refused', (text, why) => {
    expect(() => parseClickHouseUrl(text, env)).toThrow(why);
  });

  it('of something else does not become a folder', async () => {
    await expect(openSink('postgres://db/fleet', env)).rejects.toThrow('expected a folder or clickhouse://');
  });
});

describe('texts of ClickHouse', () => {
  it('cannot end early', () => {
    expect(clickHouseText("a'b\\c\nd\0")).toBe("'a\\'b\\\\c\\nd\\0'");
    expect(tabSeparated([['a\tb\\N\n', 1, null]])).toBe('a\\tb\\\\N\\n\t1\t\\N\n');
  });
});

describe('the tables', () => {
  it('are local and distributed on a cluster, and plain on one server', () => {
    const one = clickHouseSchema({ database: 'q' });
    const many = clickHouseSchema({ database: 'q', cluster: 'lab' });
    expect(one.filter((statement) => statement.includes('Distributed'))).toHaveLength(0);
    expect(many.filter((statement) => statement.includes('Distributed(lab, q, '))).toHaveLength(one.length - 1);
    // What 18.16 does not know.
    expect(many.join()).not.toMatch(/LowCardinality|CODEC|IF NOT EXISTS .* ON CLUSTER|TTL/);
  });
});

describe('attempts', () => {
  const failing = (errors: unknown[]) => async () => {
    if (errors.length > 0) throw errors.shift();
    return 'done';
  };
  const network = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  const options = { attempts: 3, firstPauseMs: 1 };

  it('are repeated where the same may succeed later', async () => {
    let again = 0;
    await expect(
      withRetries(failing([network, network]), { ...options, onRetry: async () => void again++ }),
    ).resolves.toBe('done');
    expect(again).toBe(2);
  });

  it('end', async () => {
    await expect(withRetries(failing([network, network, network]), options)).rejects.toBe(network);
  });

  it('are not repeated for what stays wrong', async () => {
    const syntax = Object.assign(new Error('Syntax error'), { code: '62' });
    await expect(withRetries(failing([syntax]), options)).rejects.toBe(syntax);
    expect(isTransient(Object.assign(new Error('Too many parts'), { code: '252' }))).toBe(true);
    // As 18.16 says it.
    expect(isTransient(new Error('Code: 202, e.displayText() = DB::Exception: Too much simultaneous queries'))).toBe(
      true,
    );
  });
});

describe('a package that only some need', () => {
  it('is named when it is not installed', async () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    await expect(optionalPackage(() => Promise.reject(missing), 'x@1', 'reports from a lake')).rejects.toThrow(
      'reports from a lake need the package x@1, which is not installed; run: npm install x@1',
    );
    await expect(optionalPackage(() => Promise.reject(new Error('broken')), 'x@1', 'reports')).rejects.toThrow(
      'broken',
    );
  });
});
