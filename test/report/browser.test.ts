/** The report page in a real browser: it opens from a file without a complaint, and everything on it works. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, openBrowser, openPage } from '../support/browser.ts';
import { MAIN } from '../support/built-command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const path = browserPath();
const folder = temporaryFolder();
const file = (name: string): string => new URL(`../../${name}`, import.meta.url).pathname;

function pageOf(name: string, ...inputs: string[]): string {
  const output = join(folder.path, `${name}.html`);
  execFileSync(process.execPath, [MAIN, 'report', ...inputs, '-o', output, '--no-whatif', '--quiet']);
  return output;
}

// Run in the page, where the types of these tests do not reach.
/** Share of the canvas that has a colour, in percent. */
const PAINTED = `(() => {
  const canvas = document.querySelector('.lanes canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
    if (data[i + 3] > 0 && Math.max(r, g, b) - Math.min(r, g, b) > 40) coloured++;
  }
  return (400 * coloured) / data.length;
})()`;
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

const name =
  path === undefined ? 'the page in a browser (none found: QUIESCE_BROWSER names one)' : 'the page in a browser';

describe.skipIf(path === undefined)(name, () => {
  let browser: Browser;
  let storm: string;
  beforeAll(async () => {
    browser = await openBrowser(path as string);
    storm = pageOf('storm', file('samples/nmi-storm.trace.dat'));
  });
  afterAll(async () => {
    await browser?.close();
    folder.remove();
  });

  const painted = (page: Page): Promise<number> => page.evaluate<number>(PAINTED);

  const ticks = async (page: Page): Promise<string> => (await page.locator('svg.axis').textContent()) ?? '';

  it('opens without a complaint and shows the root, and since when', async () => {
    const { page, complaints } = await openPage(browser, storm);
    expect(await page.locator('h1').innerText()).toContain('NMI storm on CPU 1');
    expect(await page.locator('h1 + .since').innerText()).toMatch(/^since \d/);
    await expect.poll(() => painted(page)).toBeGreaterThan(5);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it.each([
    [390, 800],
    [900, 700],
    [1900, 1200],
  ])('fits a window of %i × %i', async (width, height) => {
    const { page, complaints } = await openPage(browser, storm, { width, height });
    const overflow = await page.evaluate<number>(OVERFLOW);
    expect(overflow).toBeLessThanOrEqual(0);
    await expect.poll(() => painted(page)).toBeGreaterThan(2);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('zooms and pans by keys, wheel and mouse, and finds back to a finding', async () => {
    const { page, complaints } = await openPage(browser, storm);
    const fitted = await ticks(page);
    await page.locator('.view').focus();
    await page.keyboard.press('w', { delay: 200 });
    await expect.poll(() => ticks(page)).not.toBe(fitted);
    const closer = await ticks(page);
    await page.keyboard.press('d', { delay: 400 });
    await expect.poll(() => ticks(page)).not.toBe(closer);
    await page.keyboard.press('f');
    await expect.poll(() => ticks(page)).toBe(fitted);
    await page.keyboard.press('0');
    await expect.poll(() => ticks(page)).not.toBe(fitted);
    const whole = await ticks(page);
    const box = (await page.locator('.lanes canvas').boundingBox()) as { x: number; y: number };
    await page.mouse.move(box.x + 400, box.y + 100);
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -300);
    await page.keyboard.up('Control');
    await expect.poll(() => ticks(page)).not.toBe(whole);
    const zoomed = await ticks(page);
    await page.mouse.down();
    await page.mouse.move(box.x + 200, box.y + 100, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => ticks(page)).not.toBe(zoomed);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('tells what lies under the pointer, and what was clicked', async () => {
    const { page } = await openPage(browser, storm);
    const lane = page.locator('.names .lane', { hasText: 'rcu_preempt' });
    const canvas = (await page.locator('.lanes canvas').boundingBox()) as { x: number; width: number };
    await lane.scrollIntoViewIfNeeded();
    const { y } = (await lane.boundingBox()) as { y: number };
    await page.mouse.move(canvas.x + canvas.width / 2, y + 8);
    await expect.poll(() => page.locator('#tip').innerText()).toContain('waits for quiescent states');
    await page.mouse.click(canvas.x + canvas.width / 2, y + 8);
    expect(await page.locator('.view .detail').innerText()).toContain('rcu_preempt');
    await page.close();
  });

  it('filters findings, shows one on the timeline, opens its evidence', async () => {
    const { page } = await openPage(browser, storm);
    const all = await page.locator('details.finding:visible').count();
    await page.locator('.filter select[name=kind]').selectOption('rcu-stall');
    expect(await page.locator('details.finding:visible').count()).toBe(1);
    await page.locator('.filter select[name=kind]').selectOption('');
    await page.locator('.filter input').fill('no such task');
    expect(await page.locator('details.finding:visible').count()).toBe(0);
    await page.locator('.filter input').fill('');
    expect(await page.locator('details.finding:visible').count()).toBe(all);
    const stall = page.locator('details.finding[data-kind=rcu-stall]');
    await stall.locator('summary').first().click();
    await stall.locator('[data-act=zoom]').click();
    expect(await page.locator('.view .detail').innerText()).toContain('stalled');
    const place = page.locator('details.finding[open] a.place').first();
    await place.click();
    await expect.poll(() => page.locator('li.shown').count()).toBe(1);
    await page.close();
  });

  it('copies the mail', async () => {
    const { page } = await openPage(browser, storm);
    const finding = page.locator('details.finding[open]').first();
    await finding.locator('[data-act=mail]').click();
    await expect.poll(() => finding.locator('[data-act=mail]').innerText()).toMatch(/Copied|Selected/);
    const mail = (await finding.locator('details.mail pre').textContent()) ?? '';
    expect(mail).toContain('Obtained with quiesce');
    expect(
      Math.max(
        ...mail
          .split('\n')
          .filter((line) => !line.startsWith('>'))
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(100);
    await page.close();
  });

  it('draws histograms and heat maps when asked', async () => {
    const { page, complaints } = await openPage(browser, storm);
    await page.locator('tbody[data-metric=nmi] [data-act=chart]').click();
    await expect.poll(() => page.locator('tbody[data-metric=nmi] canvas').count()).toBe(2);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('prints', async () => {
    const { page, complaints } = await openPage(browser, storm);
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.length).toBeGreaterThan(20_000);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('draws the order of locks of a cycle', async () => {
    const { page, complaints } = await openPage(browser, pageOf('locks', file('samples/lock-cycle.trace.txt.zst')));
    const graph = page.locator('figure.graph svg').first();
    await page.locator('details.finding[open]').first().scrollIntoViewIfNeeded();
    expect(await graph.locator('.named').count()).toBeGreaterThan(1);
    expect(await graph.locator('.way').count()).toBeGreaterThan(1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it.each([
    ['storm', 'timeline', 'nmi-storm.trace.dat'],
    ['storm', 'chain', 'nmi-storm.trace.dat'],
    ['cycle', 'graph', 'lock-cycle.trace.txt.zst'],
  ])('draws %s as a %s that stands alone', async (_, kind, sample) => {
    const output = join(folder.path, `${kind}.svg`);
    const options = ['--format', 'svg', '--picture', kind, '-o', output, '--quiet'];
    execFileSync(process.execPath, [MAIN, 'export', file(`samples/${sample}`), ...options]);
    const page = await browser.newPage();
    await page.goto(`file://${output}`);
    // A file that is not well-formed is shown as an error.
    expect(await page.evaluate('document.documentElement.localName')).toBe('svg');
    expect(await page.evaluate('document.querySelector("parsererror")')).toBeNull();
    expect(await page.locator('text').count()).toBeGreaterThan(3);
    await page.close();
  });

  it('shows hostile names as text', async () => {
    const hostile = pageOf(
      'hostile',
      file('test/fixtures/hostile/hostile.txt'),
      file('test/fixtures/hostile/hostile.dmesg'),
    );
    const { page, complaints } = await openPage(browser, hostile);
    expect(await page.locator('h1').innerText()).toContain('EVIL');
    expect(await page.evaluate<string>('document.body.textContent')).not.toMatch(/[\u202e\u2028]/);
    expect(await page.locator('main b b, h1 b, img, iframe, [onerror], a[href^="javascript:"]').count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
