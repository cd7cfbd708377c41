/** Findings and comparisons for other programs: JUnit XML and SARIF. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FINDING_KINDS } from '../../schema/index.ts';
import { xmlElement, xmlText } from '../../src/export/ci/xml.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { quiesce } from '../support/command-line.ts';
import { buildStore } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const sample = (name: string) => new URL(`../../samples/${name}`, import.meta.url).pathname;
let storm: string;
let healthy: string;

beforeAll(async () => {
  storm = join(folder.path, 'storm.db');
  await replayCaptures([sample('nmi-storm.trace.txt.zst'), sample('nmi-storm.dmesg.txt')], {
    db: storm,
  });
  healthy = await buildStore(join(folder.path, 'healthy.db'), ['healthy.trace.txt.zst']);
});
afterAll(() => folder.remove());

interface Element {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: Element[];
  text: string;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' };
const decoded = (text: string) =>
  text.replace(/&(?:#(\d+)|(\w+));/g, (_, code: string | undefined, name: string) =>
    code ? String.fromCharCode(Number(code)) : ENTITIES[name],
  );

/** A strict reader of the XML that JUnit files use: throws on anything that is not balanced or not escaped. */
function readXml(xml: string): Element {
  expect(xml.startsWith('<?xml version="1.0" encoding="UTF-8"?>\n')).toBe(true);
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  let at = xml.indexOf('\n') + 1;
  const token = /<(\/?)([\w-]+)((?: [\w-]+="[^"<]*")*)(\/?)>|([^<]+)/y;
  while (at < xml.length) {
    token.lastIndex = at;
    const match = token.exec(xml);
    if (match === null) throw new Error(`not XML at ${at}: ${xml.slice(at, at + 60)}`);
    at = token.lastIndex;
    const [, closing, name, attributes, single, text] = match;
    const top = open[open.length - 1];
    if (text !== undefined) {
      expect(text.replace(/&(#\d+|amp|lt|gt|quot);/g, '')).not.toContain('&');
      top.text += decoded(text);
    } else if (closing) expect(open.pop()?.name).toBe(name);
    else {
      const pairs = [...attributes.matchAll(/ ([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, decoded(value)]);
      const element: Element = { name, attributes: Object.fromEntries(pairs), children: [], text: '' };
      top.children.push(element);
      if (!single) open.push(element);
    }
  }
  expect(open).toHaveLength(1);
  return root.children[0];
}

const failuresOf = (suite: Element) => suite.children.filter(({ children }) => children[0]?.name === 'failure');

describe('JUnit of a store', () => {
  it('has a case per kind of finding: failed with the verdict, skipped where nothing could be decided, passed otherwise', async () => {
    const { out, status } = await quiesce('export', storm, '--format', 'junit');
    expect(status).toBe(0);
    const suites = readXml(out);
    expect(suites.name).toBe('testsuites');
    const [suite, ...roots] = suites.children;
    // The names are the same in every run, passed or failed.
    expect(suite.children.map(({ attributes }) => `${attributes.classname} ${attributes.name}`)).toEqual(
      FINDING_KINDS.map((kind) => `quiesce ${kind}`),
    );
    const failed = failuresOf(suite).map(({ attributes }) => attributes.name);
    expect(failed).toEqual(expect.arrayContaining(['rcu-stall', 'nmi-storm', 'blocked-sync']));
    const inversion = suite.children.find(({ attributes }) => attributes.name === 'lock-inversion');
    expect(inversion?.children[0]).toMatchObject({
      name: 'skipped',
      attributes: { message: expect.stringContaining('lock:lock_acquire') },
    });
    // A suite per root cause, a case per identity.
    const storms = roots
      .flatMap(({ children }) => children)
      .find(({ attributes }) => attributes.name === 'nmi-storm storm_handler');
    expect(storms?.attributes.classname).toBe('quiesce.nmi-storm');
    expect(storms?.children[0].attributes.message).toMatch(/^NMIs took 99\.\d % of CPU 1/);
    expect(roots[0].attributes.name).toMatch(/: nmi-storm storm_handler$/);
    const all = suites.children.flatMap(({ children }) => children);
    expect(Number(suites.attributes.tests)).toBe(all.length);
    expect(Number(suites.attributes.failures)).toBe(suites.children.flatMap(failuresOf).length);
  });

  it('has a case that passes for what is known and did not happen', async () => {
    const { out } = await quiesce('export', healthy, '--format', 'junit', '--against', storm);
    const known = readXml(out).children.at(-1);
    expect(known?.attributes.name).toMatch(/: known$/);
    const stormCase = known?.children.find(({ attributes }) => attributes.name === 'nmi-storm storm_handler');
    expect(stormCase?.attributes.classname).toBe('quiesce.nmi-storm');
    expect(stormCase?.children[0]?.name).not.toBe('failure');
  });

  it('of a quiet run has no failures', async () => {
    const { out } = await quiesce('export', healthy, '--format', 'junit');
    expect(readXml(out).attributes).toMatchObject({ failures: '0', errors: '0' });
  });
});

describe('TAP', () => {
  it('has the same cases', async () => {
    const { out } = await quiesce('export', storm, '--format', 'tap');
    const lines = out.split('\n');
    expect(lines[0]).toBe('TAP version 14');
    const cases = lines.filter((line) => /^(not )?ok \d+ - /.test(line));
    expect(lines[1]).toBe(`1..${cases.length}`);
    expect(cases.map((line) => Number(/\d+/.exec(line)?.[0]))).toEqual(cases.map((_, i) => i + 1));
    expect(cases).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^not ok \d+ - nmi-storm$/),
        expect.stringMatching(/^not ok \d+ - nmi-storm storm_handler$/),
        expect.stringMatching(/^ok \d+ - lock-inversion # SKIP not assessed: /),
      ]),
    );
  });
});

describe('annotations of GitHub Actions', () => {
  it('are one per root cause, escaped', async () => {
    const { out } = await quiesce('export', storm, '--format', 'github');
    const [first] = out.split('\n');
    expect(first).toMatch(
      /^::error file=.*nmi-storm\.dmesg\.txt,line=\d+,title=quiesce nmi-storm \(.*\)::NMI storm on CPU 1 .*%0A/,
    );
    expect(first.slice(first.indexOf('::', 2))).not.toMatch(/%(?!25|0A|0D)/);
    expect(first).toMatch(/99\.\d %25 for/);
  });
});

describe('JUnit of a comparison', () => {
  it('fails what regressed and what appeared, skips what has too few samples', async () => {
    const path = join(folder.path, 'compare.xml');
    expect((await quiesce('compare', healthy, '--with', storm, '--format', 'junit', '-o', path)).out).toBe('');
    const [metrics, findings] = readXml(readFileSync(path, 'utf8')).children;
    const byName = new Map(metrics.children.map((element) => [element.attributes.name, element]));
    expect(byName.get('rcu-gp')?.children[0]).toMatchObject({
      name: 'failure',
      attributes: { type: 'regressed', message: expect.stringMatching(/^rcu-gp is slower: p50 ×/) },
    });
    expect(byName.get('rcu-gp')?.children[0].text).toContain('base: n 58');
    expect(byName.get('nmi')?.children[0].name).toBe('skipped');
    expect(failuresOf(findings).map(({ attributes }) => attributes.name)).toContain('nmi-storm storm_handler');
  });
});

describe('XML', () => {
  it('escapes what names in captures may hold', () => {
    expect(xmlText('a<b>&"\u0000\u001b[1m\ud800 \u{1F600}')).toBe('a&lt;b&gt;&amp;"\ufffd\ufffd[1m\ufffd \u{1F600}');
    const element = xmlElement('a', { title: 'x\n"y" <z>\t&' }, 'text & more');
    expect(element).toBe('<a title="x&#10;&quot;y&quot; &lt;z&gt;&#9;&amp;">text &amp; more</a>');
  });
});

interface Sarif {
  readonly $schema: string;
  readonly version: string;
  readonly runs: readonly {
    readonly tool: {
      readonly driver: {
        readonly name: string;
        readonly rules: readonly { id: string; shortDescription: { text: string } }[];
      };
    };
    readonly artifacts: readonly { location: { uri: string } }[];
    readonly automationDetails: { readonly id: string };
    readonly results: readonly {
      ruleId: string;
      ruleIndex: number;
      level: string;
      baselineState?: string;
      message: { text: string };
      partialFingerprints: Record<string, string>;
      locations: readonly Location[];
      relatedLocations?: readonly Location[];
    }[];
    readonly invocations: readonly {
      executionSuccessful: boolean;
      toolExecutionNotifications?: readonly { level: string; associatedRule: { id: string } }[];
    }[];
  }[];
}
interface Location {
  readonly physicalLocation: {
    readonly artifactLocation: { readonly uri: string };
    readonly region?: { readonly startLine: number };
  };
}

/** Rules of SARIF 2.1.0 that readers stumble over. */
function checkSarif({ $schema, version, runs }: Sarif): void {
  expect(version).toBe('2.1.0');
  expect($schema).toMatch(/^https:/);
  for (const { tool, results } of runs) {
    const { rules } = tool.driver;
    expect(rules.map(({ id }) => id)).toEqual([...FINDING_KINDS]);
    for (const { shortDescription } of rules) expect(shortDescription.text).toMatch(/\.$/);
    for (const result of results) {
      expect(rules[result.ruleIndex].id).toBe(result.ruleId);
      expect(['error', 'warning', 'note']).toContain(result.level);
      expect(result.message.text).not.toBe('');
      for (const { physicalLocation } of [...result.locations, ...(result.relatedLocations ?? [])]) {
        expect(() => new URL(physicalLocation.artifactLocation.uri, 'file:///base/')).not.toThrow();
        expect(physicalLocation.artifactLocation.uri).not.toMatch(/[ #]/);
        if (physicalLocation.region) expect(physicalLocation.region.startLine).toBeGreaterThan(0);
      }
    }
  }
}

describe('SARIF', () => {
  it('of a store names rules, fingerprints, and the lines of the kernel log that prove a finding', async () => {
    const { out, status } = await quiesce('export', storm, '--format', 'sarif');
    expect(status).toBe(0);
    const sarif = JSON.parse(out) as Sarif;
    checkSarif(sarif);
    const [{ results, invocations, artifacts, automationDetails }] = sarif.runs;
    expect(artifacts.map(({ location }) => location.uri)).toEqual(
      // Below the working folder: relative to it.
      ['nmi-storm.trace.txt.zst', 'nmi-storm.dmesg.txt'].map((name) => `samples/${name}`),
    );
    expect(automationDetails.id).toMatch(/^quiesce\/samples\/nmi-storm\.trace\.txt\.zst\/1$/);
    const stall = results.find(({ ruleId }) => ruleId === 'rcu-stall');
    expect(stall).toMatchObject({
      level: 'error',
      partialFingerprints: {
        'quiesceFinding/v1': expect.stringMatching(/^rcu-stall-[0-9a-f]{8}$/),
        'quiesceIdentity/v1': expect.stringMatching(/^rcu-stall rcu_preempt normal because of nmi-storm/),
        'quiesceRootIdentity/v1': 'nmi-storm storm_handler',
      },
      locations: [
        { logicalLocations: [{ name: 'rcu_preempt', fullyQualifiedName: 'domain/rcu_preempt', kind: 'domain' }] },
      ],
    });
    const inLog = stall?.relatedLocations?.filter(({ physicalLocation }) => physicalLocation.region) ?? [];
    expect(inLog.length).toBeGreaterThan(0);
    expect(inLog[0].physicalLocation.artifactLocation.uri).toMatch(/dmesg\.txt$/);
    expect(invocations[0].toolExecutionNotifications?.map(({ associatedRule }) => associatedRule.id)).toContain(
      'lock-inversion',
    );
  });

  it('of a comparison says what is new, unchanged or absent', async () => {
    const states = async (base: string, head: string) => {
      const sarif = JSON.parse((await quiesce('compare', base, '--with', head, '--format', 'sarif')).out) as Sarif;
      checkSarif(sarif);
      return new Set(sarif.runs[0].results.map(({ baselineState }) => baselineState));
    };
    expect(await states(healthy, storm)).toEqual(new Set(['new']));
    expect(await states(storm, healthy)).toEqual(new Set(['absent']));
    expect(await states(storm, storm)).toEqual(new Set(['unchanged']));
  });
});

describe('quiesce export', () => {
  it('writes JSON of every run, or of one', async () => {
    const json = JSON.parse((await quiesce('export', storm, '--format', 'json')).out);
    expect(json).toMatchObject({ schema: 'quiesce.export/1', runs: [{ run: { run_id: 1 } }] });
    expect(json.runs[0].findings.length).toBeGreaterThan(3);
    expect(json.runs[0].assessments).toHaveLength(FINDING_KINDS.length);
    expect((await quiesce('export', storm, '--format', 'json', '--run', '7')).status).toBe(4);
  });

  it('names its formats, and wants one', async () => {
    expect(await quiesce('export', storm)).toMatchObject({ status: 2, err: expect.stringContaining('--format') });
    expect((await quiesce('export', '--help')).out).toMatch(/SARIF 2\.1\.0/);
    expect(await quiesce('export', storm, '--format', 'xml')).toMatchObject({ status: 2 });
  });

  it.each([
    [['--from', '40', '--to', '30'], '--from lies behind --to'],
    [['--from', '900'], '--from, --to: nothing was recorded then'],
    [['--cpu', '7'], '--cpu: the run has CPUs 0 to 1'],
  ])('refuses a selection of nothing: %j', async (selection, err) => {
    expect(await quiesce('export', storm, '--format', 'perfetto', '-o', join(folder.path, 'x'), ...selection)).toEqual({
      status: 2,
      out: '',
      err: `quiesce: ${err}\n`,
    });
  });

  it('replays runs that were only stored', async () => {
    const db = join(folder.path, 'ingested.db');
    for (const args of [
      ['export', db, '--format', 'junit'],
      ['compare', db, '--with', healthy],
    ]) {
      rmSync(db, { force: true });
      await replayCaptures([sample('healthy.trace.txt.zst')], { db, replay: false });
      expect(await quiesce(...args)).toMatchObject({ status: 0, err: '' });
    }
  });
});
