/** Chromium for the tests of pages: QUIESCE_BROWSER, or what is on the PATH. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'];

/** Path of the executable; undefined when there is none. */
export function browserPath(): string | undefined {
  const { QUIESCE_BROWSER, PATH = '' } = process.env;
  if (QUIESCE_BROWSER) return QUIESCE_BROWSER;
  return PATH.split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Containers and CI jobs run as root, where Chromium refuses its sandbox; the pages are ours. */
export const openBrowser = (path: string): Promise<Browser> =>
  chromium.launch({ executablePath: path, args: ['--no-sandbox'] });

export interface OpenedPage {
  readonly page: Page;
  /** What the browser complained of: errors, refusals of the policy, requests. */
  readonly complaints: string[];
}

/** A page from a file, when its script is done. */
export async function openPage(
  browser: Browser,
  path: string,
  size: { width: number; height: number } = { width: 1400, height: 1000 },
): Promise<OpenedPage> {
  const page = await browser.newPage({ viewport: size });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith('file://') && !request.url().startsWith('data:')) complaints.push(request.url());
  });
  await page.goto(`file://${path}`);
  await page.waitForSelector('html[data-ready="true"]', { timeout: 30_000 });
  return { page, complaints };
}
