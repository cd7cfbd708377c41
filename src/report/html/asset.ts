/** What pages have in them: the built style and script, and the hashes by which their policy knows them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { packageFile } from '../../../schema/index.ts';
import { GRAPH_TEXT } from '../graph/dot.ts';
import { colourVariables, spanClasses } from '../lanes/colours.ts';

/** `page.css` or `page.js`, as `npm run page` made them. */
export const asset = (name: string): string => readFileSync(packageFile(`dist/page/${name}`), 'utf8').trim();

/** As a source in a Content-Security-Policy. */
export const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The style of every page: the colours, then what is made with them. */
export const pageStyle = (): string =>
  `${colourVariables(':root')}${spanClasses('.swatch', 'background')}${GRAPH_TEXT}${asset('page.css')}`;
