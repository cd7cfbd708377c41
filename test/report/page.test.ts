/** The report page as text: what is on it, and that names from captures are inert. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { html, jsonData } from '../../src/report/html/html.ts';
import { quiesce } from '../support/command-line.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
const sample = (name: string): string => new URL(`../../samples/${name}`, import.meta.url).pathname;

async function pageOf(...inputs: string[]): Promise<string> {
  const path = join(folder.path, 'report.html');
  const { status, err } = await quiesce('report', ...inputs, '-o', path, '--no-whatif', '--quiet');
  expect(err).toBe('');
  expect(status).toBe(0);
  return readFileSync(path, 'utf8');
}

describe('quiesce report', () => {
  it('says what is wrong and since when, with chain, evidence and mail', async () => {
    const page = await pageOf(sample('nmi-storm.trace.dat'));
    const { out } = await quiesce('replay', sample('nmi-storm.trace.dat'), '--db', ':memory:', '--json');
    const { roots, findings } = JSON.parse(out);
    const escaped = (text: string): string => html`${text}`.text;
    expect(page).toContain(`</span> ${escaped(roots[0].title)}</h1>`);
    for (const { title, id } of findings) {
      expect(page).toContain(escaped(title));
      expect(page).toContain(id);
    }
    expect(page).toMatch(/<p class="since">since \d+\.\d{6} s, .* into the recording, for /);
    expect(page).toContain('class="chain"');
    expect(page).toContain('Obtained with quiesce');
    expect(Buffer.byteLength(page)).toBeLessThan(1.5e6);
  });

  it('needs nothing from elsewhere, and says so to the browser', async () => {
    const page = await pageOf(sample('lock-cycle.trace.txt.zst'));
    expect(page).toMatch(/http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-/);
    expect(page).not.toMatch(/<(?:script|img|iframe|link|object)[^>]* (?:src|href)=/);
    expect(page).not.toMatch(/ on[a-z]+=|javascript:/);
    expect(page).not.toContain('style="');
    expect(page.match(/<svg class="graph"/g)?.length).toBeGreaterThan(0);
  });

  it('is the same whenever it is made', async () => {
    expect(await pageOf(sample('lock-cycle.trace.txt.zst'))).toBe(await pageOf(sample('lock-cycle.trace.txt.zst')));
  });

  it('says what could not be decided where nothing was found', async () => {
    const page = await pageOf(sample('lock-cycle-fixed.trace.txt.zst'));
    expect(page).toContain('No findings');
    expect(page).toContain('What this recording could decide');
  });

  it('compares runs', async () => {
    const page = await pageOf(sample('lock-cycle.trace.txt.zst'), '--with', sample('lock-cycle-fixed.trace.txt.zst'));
    expect(page).toContain('<section id="compare">');
    expect(page).toContain('Gone');
    expect(page).toContain('id="timeline-1"');
  });

  it('refuses what is no run', async () => {
    const bad = join(folder.path, 'bad.txt');
    writeFileSync(bad, 'nothing of interest\n');
    const { status, err } = await quiesce('report', bad, '-o', join(folder.path, 'x.html'));
    expect(status).toBe(3);
    expect(err).toContain('bad.txt');
  });
});

describe('names from captures', () => {
  const HOSTILE = '</script><script>alert(1)</script>"\'&\u202e<!--\u0007';

  it('are text in markup', () => {
    expect(html`<p title="${HOSTILE}">${HOSTILE}</p>`.text).not.toMatch(/<script|<!--/);
    expect(html`<p>${html`<b>${'<i>'}</b>`}</p>`.text).toBe('<p><b>&lt;i&gt;</b></p>');
  });

  it('end no element that holds data', () => {
    const { text } = jsonData({ name: HOSTILE });
    expect(text).not.toMatch(/[<>&\u202e]/);
    expect(JSON.parse(text)).toEqual({ name: HOSTILE.replace('\u202e', '\\u202e').replace('\u0007', '\\x07') });
  });
});
