/**
 * Aligns the clocks of captures that were recorded side by side (MODEL E0.5, T55). printk stamps its lines with local_clock, the
 * tracer with the trace clock: they differ by a constant that changes with each boot. Lines that are in both captures
 * (printk:console events, trace_printk texts that were printed too) give that constant.
 */
import { type CaptureFacts, DictionaryWriter, type ParseOptions } from '../../parsers/index.ts';
import { CELL_STR, CELL_TEXT, type EventBatch } from '../../schema/index.ts';
import { type Capture, type CaptureInput, openCapture } from './capture.ts';
import { CLOCKS_DIFFER_NS, FOREIGN_LINES, refuseOtherBoot, releaseIn } from './one-boot.ts';
import type { ClockPair } from './tick-rate.ts';

export interface Alignment {
  /** Added to the capture's times. */
  readonly offsetNs: number;
  /** Half width of the interval that holds the offset. */
  readonly uncertaintyNs: number;
  /** Boot of the log in which the common lines are. */
  readonly boot: number;
  /** Lines that agreed. */
  readonly matches: number;
}

/** A report of the log, for recognising the same report in the trace. */
export interface LogReportMark {
  readonly kind: string;
  readonly tsNs: number;
  readonly boot: number;
}

/** Lines that are in a log, by their text. */
export interface LogLines {
  readonly times: Map<string, LineTime | null>;
  readonly reports: LogReportMark[];
  boots: number;
  /** Kernel release by boot, where the log states it. */
  readonly releases: Map<number, string>;
  /** Last stamp of boots that the log has from their first line on. */
  readonly wholeBoots: Map<number, number>;
}

interface LineTime {
  readonly boot: number;
  readonly tsNs: number;
}

/** Texts remembered of a log; more do not make the alignment better. */
const MAX_LINES = 200_000;
/** Common lines after which the search through the trace ends. */
const ENOUGH_MATCHES = 64;
/** Offsets further from the median than this many median deviations are coincidences. */
const OUTLIER_FACTOR = 8;
/** Text captures round to microseconds. */
const ROUNDING_NS = 1000;
const MIN_TEXT = 6;
/** What the kernel printed itself: it is in the log. */
const PRINTED = 'console';

/** Event types whose text may be a printed line, and the field that holds it. */
const TEXT_FIELDS: Readonly<Record<string, string>> = { console: 'msg', print: 'buf', bprint: 'buf', bputs: 'buf' };

/** `[   12.345678][   T12] text` → the text, and its own stamp when there is one. */
function strippedLine(text: string): { text: string; stampNs: number | undefined } {
  const prefix = /^(?:<\d+>)?\[\s*(\d+)\.(\d{6})\](?:\[\s*[TC]\d+\])? ?/.exec(text);
  if (!prefix) return { text: text.trim(), stampNs: undefined };
  return { text: text.slice(prefix[0].length).trim(), stampNs: Number(prefix[1]) * 1e9 + Number(prefix[2]) * 1000 };
}

type LineVisitor = (text: string, tsNs: number, boot: number, stampNs: number | undefined, printed: boolean) => boolean;

/** Visits the printed lines of a batch until the visitor returns false. */
function visitLines(batch: EventBatch, dictionary: DictionaryWriter, cells: number[], visit: LineVisitor): boolean {
  for (const type of batch.delta.types) {
    if (type.name === PRINTED) cells[-1] = type.typeId;
    const field = TEXT_FIELDS[type.name];
    cells[type.typeId] = field === undefined ? -1 : type.fields.findIndex((f) => f.name === field);
  }
  for (let i = 0; i < batch.length; i++) {
    const field = cells[batch.type[i]];
    if (field < 0) continue;
    const cell = batch.cellStart(i) + field;
    if (cell >= batch.cellEnd[i]) continue;
    const value = batch.cellValue[cell];
    const tag = batch.cellTag[cell];
    const raw = tag === CELL_TEXT ? batch.texts[value] : tag === CELL_STR ? dictionary.text(value) : '';
    const line = strippedLine(raw);
    if (line.text.length < MIN_TEXT) continue;
    if (!visit(line.text, batch.tsNs[i], batch.boot, line.stampNs, batch.type[i] === cells[-1])) return false;
  }
  return true;
}

async function visitCapture(
  input: CaptureInput,
  options: ParseOptions,
  visit: LineVisitor,
  onBatch?: (batch: EventBatch) => void,
): Promise<CaptureFacts> {
  const capture = await openCapture(input, options);
  try {
    const dictionary = new DictionaryWriter();
    const cells: number[] = [];
    for await (const batch of capture.batches(dictionary)) {
      onBatch?.(batch);
      if (!visitLines(batch, dictionary, cells, visit)) break;
    }
  } finally {
    await capture.close();
  }
  return capture.facts;
}

/** Reads a log once for its lines and reports. */
export async function readLogLines(capture: Capture, options: ParseOptions): Promise<LogLines> {
  const lines: LogLines = {
    times: new Map(),
    reports: [],
    boots: 1,
    releases: new Map(),
    wholeBoots: new Map(),
  };
  const visit: LineVisitor = (text, tsNs, boot) => {
    lines.boots = Math.max(lines.boots, boot + 1);
    // A text that comes twice does not say which one it was.
    if (lines.times.has(text)) lines.times.set(text, null);
    else if (lines.times.size < MAX_LINES) lines.times.set(text, { boot, tsNs });
    return true;
  };
  await visitCapture(capture.input, options, visit, (batch) => {
    const { boot, length } = batch;
    for (const report of batch.reports) {
      lines.reports.push({ kind: report.kind, tsNs: report.tsNs, boot });
      const release = releaseIn(report);
      if (release !== undefined) lines.releases.set(boot, release);
      if (report.kind === 'banner') lines.wholeBoots.set(boot, report.tsNs);
    }
    if (length > 0 && lines.wholeBoots.has(boot)) lines.wholeBoots.set(boot, batch.tsNs[length - 1]);
  });
  return lines;
}

/** Lines that a trace and a log share. */
export interface CommonLines {
  /** Their times on both clocks, by boot of the log. */
  readonly pairs: readonly (readonly ClockPair[])[];
  /** The trace does not count nanoseconds. */
  readonly inTicks: boolean;
  /** Its clock, when it names one. */
  readonly clock: string | undefined;
  /** Its kernel, when it names it. */
  readonly release: string | undefined;
}

/**
 * Reads the trace from its beginning until enough lines agree.
 * @param logName for the error
 * @throws CaptureError when the log is of another boot: it does not have what the kernel printed while the trace was recorded
 */
export async function commonLines(
  trace: Capture,
  log: LogLines,
  logName: string,
  options: ParseOptions,
): Promise<CommonLines> {
  const seen = new Set<string>();
  const pairs: ClockPair[][] = [];
  let matches = 0;
  let known = 0;
  const foreign: string[] = [];
  const whole = [...log.wholeBoots.values()];
  const visit: LineVisitor = (text, tsNs, _boot, stampNs, printed) => {
    const line = log.times.get(text);
    if (printed && line !== undefined) known++;
    else if (printed && foreign.length < FOREIGN_LINES && !seen.has(text)) {
      seen.add(text);
      if (whole.some((lastNs) => (stampNs ?? tsNs) + CLOCKS_DIFFER_NS <= lastNs)) foreign.push(text);
    }
    if (line === undefined || line === null) return true;
    // The stamp within a console text says which of several equal lines it is; a line that comes twice here says nothing.
    if (seen.has(text)) return true;
    seen.add(text);
    if (stampNs !== undefined && Math.abs(stampNs - line.tsNs) > ROUNDING_NS) return true;
    pairs[line.boot] ??= [];
    pairs[line.boot].push({ ticks: tsNs, ns: line.tsNs });
    return ++matches < ENOUGH_MATCHES;
  };
  const { timeUnit, clock, profile } = await visitCapture(trace.input, options, visit);
  const inTicks = timeUnit === 'ticks';
  if (!inTicks && known === 0 && matches === 0 && foreign.length >= FOREIGN_LINES && log.times.size < MAX_LINES)
    refuseOtherBoot(trace.source.name, logName, foreign[0]);
  return { pairs, inTicks, clock, release: profile.release };
}

/**
 * The offset that brings a log's times onto the timeline of a trace, or undefined when they share no line.
 * @param nsPerTick of the trace's clock
 */
export function alignLines({ pairs }: CommonLines, nsPerTick = 1): Alignment | undefined {
  let best: Alignment | undefined;
  pairs.forEach((ofBoot, boot) => {
    const alignment = agree(
      ofBoot.map(({ ticks, ns }) => ticks * nsPerTick - ns),
      boot,
    );
    if (best === undefined || alignment.matches > best.matches) best = alignment;
  });
  return best;
}

/** Median and spread of offsets, without those that are far from the rest. */
export function agree(offsets: readonly number[], boot: number): Alignment {
  const sorted = [...offsets].sort((a, b) => a - b);
  const middle = median(sorted);
  const deviation = median(sorted.map((offset) => Math.abs(offset - middle)).sort((a, b) => a - b));
  const limit = Math.max(deviation * OUTLIER_FACTOR, ROUNDING_NS);
  const kept = sorted.filter((offset) => Math.abs(offset - middle) <= limit);
  const spread = (kept[kept.length - 1] - kept[0]) / 2;
  return {
    offsetNs: Math.round(median(kept)),
    uncertaintyNs: Math.max(Math.ceil(spread), ROUNDING_NS),
    boot,
    matches: kept.length,
  };
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
