/**
 * Draws the rows that trace_processor has of one chain, as Perfetto's screen has them: the picture of docs/VIEWERS.md.
 *
 *   node test/support/trace-processor/picture.mjs run.pftrace blocked-sync-a1b657b3 > docs/images/perfetto-chain.svg
 */
import { execFileSync } from 'node:child_process';

const [path, finding] = process.argv.slice(2);
const engine = new URL('./engine.mjs', import.meta.url).pathname;

/** Lanes from top to bottom; each gives label, ts, dur and name. */
const LANES = [
  `SELECT 'Findings ▸ ' || t.name AS label, ts, dur, s.name FROM slice AS s JOIN track AS t ON t.id = s.track_id WHERE category = 'root'`,
  `SELECT 'finding' AS label, ts, dur, name FROM slice WHERE category = 'finding' AND extract_arg(arg_set_id, 'debug.kind') LIKE '%-storm'`,
  `SELECT 'finding' AS label, ts, dur, name FROM slice WHERE category = 'finding' AND extract_arg(arg_set_id, 'debug.id') = '${finding}'`,
  `SELECT 'chain' AS label, ts, dur, name, extract_arg(arg_set_id, 'debug.position') AS position FROM slice
   WHERE category = 'chain' AND extract_arg(arg_set_id, 'debug.finding') = '${finding}' ORDER BY position`,
  `SELECT 'Waits for grace periods' AS label, ts, dur, name FROM slice WHERE category = 'wait' AND dur > 1e9
   AND extract_arg(arg_set_id, 'debug.tid') = (SELECT extract_arg(arg_set_id, 'debug.tid') FROM slice
     WHERE category = 'chain' AND extract_arg(arg_set_id, 'debug.finding') = '${finding}' LIMIT 1)`,
  `SELECT 'Grace periods ▸ ' || t.name AS label, ts, dur, s.name FROM slice AS s JOIN track AS t ON t.id = s.track_id
   WHERE category = 'grace-period' AND t.name LIKE 'rcu_%'`,
  `SELECT 'NMIs' AS label, min(ts) AS ts, sum(dur) AS dur, name FROM slice WHERE category = 'nmi' AND parent_id IS NULL
   GROUP BY ts / 200000000`,
];
const BOUNDS = 'SELECT start_ts, end_ts FROM trace_bounds';

const answers = execFileSync(process.execPath, [engine, path], {
  input: JSON.stringify([BOUNDS, ...LANES]),
  encoding: 'utf8',
})
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
const [[{ start_ts: start, end_ts: end }], ...lanes] = answers;

const WIDTH = 1000;
const LABEL_WIDTH = 190;
const ROW = 22;
const COLOURS = ['#b3261e', '#d9822b', '#8e5ea2', '#3a6ea5', '#2e7d6b', '#5b7f34', '#777777'];
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const x = (ts) => LABEL_WIDTH + ((ts - start) / (end - start)) * (WIDTH - LABEL_WIDTH);
const clip = (text, width) =>
  text.length * 6.1 <= width ? text : `${text.slice(0, Math.max(0, Math.floor(width / 6.1) - 1))}…`;

const parts = [];
let row = 0;
let before;
lanes.forEach((slices, lane) => {
  const stacked = slices[0]?.position !== undefined;
  slices.forEach((slice, i) => {
    const y = (row + (stacked ? i : 0)) * ROW + 4;
    const left = x(slice.ts);
    const width = Math.max(1, ((slice.dur < 0 ? end - slice.ts : slice.dur) / (end - start)) * (WIDTH - LABEL_WIDTH));
    if (i === 0) parts.push(`<text x="4" y="${y + 13}" fill="#555">${escaped(slice.label)}</text>`);
    parts.push(
      `<rect x="${left.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 4}" fill="${COLOURS[lane]}"/>`,
    );
    if (width > 30)
      parts.push(
        `<text x="${(left + 4).toFixed(1)}" y="${y + 13}" fill="#fff">${escaped(clip(slice.name, width - 8))}</text>`,
      );
    if (stacked && before !== undefined && slice.position <= 6)
      parts.push(
        `<path d="M${left - 2} ${before} q-14 ${(y + 9 - before) / 2} 0 ${y + 9 - before}" fill="none" stroke="#222" marker-end="url(#tip)"/>`,
      );
    before = stacked ? y + 9 : undefined;
  });
  row += stacked ? slices.length : 1;
});
const height = row * ROW + 6;
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">
<title>${escaped(finding)} in Perfetto: the chain, with the tracks beside it</title>
<defs><marker id="tip" markerWidth="6" markerHeight="6" refX="5" refY="3" orient="auto"><path d="M0 0L6 3L0 6z" fill="#222"/></marker></defs>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${parts.join('\n')}
</svg>
`);
