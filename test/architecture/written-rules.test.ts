/** What compilers and linters do not hold: thresholds are named in one table, and nobody's ear is taken by an assignment. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

interface Line {
  readonly at: string;
  readonly text: string;
}

/** Lines of code of a folder, comments left out. */
function codeOf(folder: string): Line[] {
  const files = readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      readFileSync(new URL(`${folder}/${file}`, root), 'utf8')
        .split('\n')
        .map((text, i) => ({ at: `${folder}/${file}:${i + 1}`, text })),
    )
    .filter(({ text }) => !/^\s*(\*|\/[/*])/.test(text));
}

const shown = ({ at, text }: Line): string => `${at} ${text.trim()}`;

/** A duration as a bare number (5e9, 1.2e7). Times a unit it is a conversion; with a name it says what it is. */
function bareDuration(text: string): boolean {
  if (/^(export )?const [A-Z_]+ =/.test(text) || /#?\w+Ns = /.test(text)) return false;
  return /(?<![\w.])\d+(\.\d+)?e([6-9]|1\d)\b/.test(text.replace(/[*/] ?1e[69]\b|\b1e9 ?[*/]/g, ''));
}

/** The rule of an edge of the wait-for graph (W1 to W29), written out. */
const writesEdge = (text: string): boolean => /\brule\b.*'W\d+'/.test(text);

/** A function put into a slot of something else (`cpus.onTick = …`, `work.structOf = (item) => …`), or a slot that others may fill. */
const assignsSlot = (text: string): boolean =>
  /\b(?!this\.)\w+\.(?!on\w+Ns\b)(on[A-Z]\w* \??\??=(?![=>])|\w+ \??\??= (async )?(function\b|(\([^()]*\)|\w+)(: [^=]+)? =>))/.test(
    text,
  );
const declaresSlot = (text: string): boolean =>
  /^\s+(readonly )?on[A-Z]\w*\??:.*;$/.test(text) ||
  /^\s+(?!readonly |private )\w+[?!]?: \(*\w*\(?.*\) => .*;$/.test(text);

describe('the code', () => {
  it.each(['model', 'judge', 'record', 'instant', 'what-if'])('names its thresholds: %s', (room) => {
    const lines = codeOf(`src/replay/${room}`);
    expect(lines.length).toBeGreaterThan(50);
    expect(lines.filter(({ text }) => bareDuration(text)).map(shown)).toEqual([]);
  });

  it('adds listeners or takes functions as arguments, and has no slot that the next one would take over', () => {
    const slots = codeOf('src/replay').filter(({ text }) => assignsSlot(text) || declaresSlot(text));
    expect(slots.map(shown)).toEqual([]);
  });

  it('takes the edges of the wait-for graph from their table', () => {
    const written = codeOf('src').filter(({ text }) => writesEdge(text));
    const table = 'src/replay/knowledge/waits-for.ts';
    expect(written.filter(({ at }) => at.startsWith(table)).length).toBeGreaterThan(20);
    expect(written.filter(({ at }) => !at.startsWith(table)).map(shown)).toEqual([]);
  });
});

describe('the checks themselves', () => {
  it('see a bare threshold, and no conversion', () => {
    expect(['if (ns > 5e9) return;', 'gapNs > 1.2e7'].map(bareDuration)).toEqual([true, true]);
    expect(['ns / 1e9', 'minMs * 1e6', '1e9 / hz', 'const LATE_NS = 1e7;'].map(bareDuration)).toEqual(
      Array(4).fill(false),
    );
  });

  it('see the rule of an edge, and no rule that a note cites', () => {
    expect(["    rule: 'W4',", "const rule = wait ? 'W18' : 'W1';"].map(writesEdge)).toEqual([true, true]);
    expect(writesEdge("note('nobody outside can wake it', 'W4.31')")).toBe(false);
  });

  it('see a slot', () => {
    expect(assignsSlot('    cpus.onTick = (cpu) => this.#tick(cpu);')).toBe(true);
    expect(assignsSlot('  work.structOfWork = (item) => identity.ofWork(item);')).toBe(true);
    expect(assignsSlot('  work.structOfWork ??= item => identity.ofWork(item);')).toBe(true);
    expect(assignsSlot('    task.onCpuSinceNs = nowNs;')).toBe(false);
    expect(assignsSlot('    this.#pack = (fact) => pack(fact);')).toBe(false);
    expect(assignsSlot('    const late = (item: Work): boolean => item.late;')).toBe(false);
    expect(declaresSlot('  onTick: ((cpu: number) => void) | undefined;')).toBe(true);
    expect(declaresSlot('  structOfWork: ((work: WorkKey) => string | undefined) | undefined;')).toBe(true);
    expect(declaresSlot('  structOfWork?: (work: WorkKey) => string;')).toBe(true);
    expect(declaresSlot('  readonly #structOfWork: (work: WorkKey) => string | undefined;')).toBe(false);
    expect(declaresSlot('  onTick?(cpu: number): void;')).toBe(false);
  });
});
