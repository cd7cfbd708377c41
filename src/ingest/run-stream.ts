/**
 * The captures of a run as one stream of batches: detected, parsed with one dictionary, put into order, brought onto one
 * timeline, merged and numbered.
 */
import { DictionaryWriter, isReadOnce, type ParseOptions } from '../../parsers/index.ts';
import {
  EventBatch as Batch,
  CaptureError,
  type CaptureInfo,
  DIAGNOSTICS,
  type DictionaryDelta,
  type EventBatch,
  emptyDelta,
  type ImportIssue,
  type KernelProfile,
  type LogReport,
} from '../../schema/index.ts';
import { type Capture, type CaptureInput, openCapture } from './capture.ts';
import {
  type Alignment,
  alignLines,
  commonLines,
  type LogLines,
  type LogReportMark,
  readLogLines,
} from './clock-alignment.ts';
import { ConsoleReports } from './console-reports.ts';
import { mergeByTime } from './merge.ts';
import { KernelOfBoots, MarksOfBoots, releaseIn } from './one-boot.ts';
import { type RecordedPart, RecordingEnd } from './recording-end.ts';
import { Reorder } from './reorder.ts';
import { type EventSelection, isSelective, Selector } from './selection.ts';
import { type ClockPair, proveRate, type TickRate } from './tick-rate.ts';

/** A capture that has been read, and the first and last time of its records by boot. */
export interface CaptureRead extends CaptureInfo {
  readonly hostname?: string;
  readonly spans: readonly (readonly [boot: number, firstNs: number, lastNs: number])[];
  /** Of one trace among several. */
  readonly part?: RecordedPart;
}

/** What is known of the captures when all of them have been read. */
export interface CaptureSummary {
  readonly captures: readonly CaptureRead[];
  readonly profile: KernelProfile;
  readonly cpus: number;
  readonly lost: number;
  readonly baseNs: bigint;
  readonly issues: readonly ImportIssue[];
}

/** Bytes read so far; `totalBytes` is undefined when an input has no known size. */
export interface ReadProgress {
  readonly readBytes: number;
  readonly totalBytes: number | undefined;
}

interface PendingReport {
  readonly boot: number;
  readonly report: LogReport;
}

/** One capture on its way into the merge. */
interface Lane {
  readonly capture: Capture;
  /** Added to its times; undefined for the capture that sets the timeline. */
  alignment: Alignment | undefined;
  /** Boot that its records belong to, when the log of the run has several. */
  boot: number | undefined;
  /** What a tick of its clock is, when that does not count nanoseconds; null: nothing proves it. */
  rate?: TickRate | null;
  /** Where its ticks count from, when they have a rate. */
  baseTicks?: bigint;
  /** Lines that it shares with a log, on both clocks. */
  linePairs: readonly ClockPair[];
  /** First and last time of its records, by boot. */
  readonly spans: Map<number, [firstNs: number, lastNs: number]>;
  /** Of one trace among several. */
  end?: RecordingEnd | undefined;
}

export class RunStream {
  readonly #options: ParseOptions;
  readonly #dictionary = new DictionaryWriter();
  readonly #lanes: Lane[] = [];
  readonly #kernels = new KernelOfBoots();
  readonly #marks = new MarksOfBoots();
  #knownReports: LogReportMark[] = [];
  #uncertaintyNs = 0;
  #delta: DictionaryDelta = emptyDelta();
  #reports: PendingReport[] = [];

  readonly #selector: Selector | undefined;

  private constructor(options: ParseOptions, selection: EventSelection) {
    this.#options = options;
    if (isSelective(selection)) this.#selector = new Selector(selection, this.#dictionary);
  }

  /**
   * Opens the captures and aligns their clocks.
   * @param selection what is read of them; default: everything
   * @throws CaptureError when one of them cannot be opened or is of no known format.
   */
  static async open(
    inputs: readonly CaptureInput[],
    options: ParseOptions = {},
    selection: EventSelection = {},
  ): Promise<RunStream> {
    if (inputs.length === 0) throw new CaptureError('no capture given');
    const stream = new RunStream(options, selection);
    try {
      for (const input of inputs) {
        const capture = await openCapture(input, options);
        stream.#lanes.push({ capture, alignment: undefined, boot: undefined, linePairs: [], spans: new Map() });
      }
      await stream.#align();
    } catch (error) {
      await stream.close();
      throw error;
    }
    return stream;
  }

  async close(): Promise<void> {
    for (const { capture } of this.#lanes) await capture.close();
  }

  progress(): ReadProgress {
    let readBytes = 0;
    let totalBytes: number | undefined = 0;
    for (const { capture } of this.#lanes) {
      readBytes += capture.source.consumedBytes;
      const size = capture.source.sizeBytes;
      totalBytes = size === undefined || totalBytes === undefined ? undefined : totalBytes + size;
    }
    return { readBytes, totalBytes };
  }

  /** Kernel profile as the captures have stated it so far. */
  profile(): KernelProfile {
    // What an earlier capture states wins.
    const profile = Object.assign(
      {},
      ...this.#lanes.map(({ capture }) => capture.facts.profile).reverse(),
    ) as KernelProfile;
    return this.#lanes.some(({ rate }) => rate === null) ? { ...profile, timeUnit: 'ticks' } : profile;
  }

  /** Complete when the stream has ended. */
  summary(): CaptureSummary {
    const [first] = this.#lanes;
    return {
      captures: this.#lanes.map(({ capture, alignment, rate, spans, end }) => ({
        path: capture.source.name,
        format: capture.facts.format,
        ...(capture.facts.clock !== undefined && { clock: capture.facts.clock }),
        ...(rate && { ns_per_tick: rate.nsPerTick, rate_from: rate.proof }),
        ...(capture.facts.hostname !== undefined && { hostname: capture.facts.hostname }),
        ...(alignment && { offset_ns: alignment.offsetNs, offset_uncertainty_ns: alignment.uncertaintyNs }),
        ...(end?.part && { part: end.part }),
        spans: [...spans].map(([boot, [firstNs, lastNs]]) => [boot, firstNs, lastNs] as const),
      })),
      profile: this.profile(),
      cpus: Math.max(0, ...this.#lanes.map(({ capture }) => capture.facts.cpus)),
      lost: Math.min(
        this.#lanes.reduce((sum, { capture }) => sum + capture.facts.lost, 0),
        Number.MAX_SAFE_INTEGER,
      ),
      baseNs: first.capture.facts.baseNs,
      issues: this.#lanes.flatMap(({ capture }) => [...capture.diagnostics.issues.values()]),
    };
  }

  /** Logs are aligned to the first trace: their lines are searched in it. */
  async #align(): Promise<void> {
    const trace = this.#lanes.find(({ capture }) => !capture.isLog);
    const logs = this.#lanes.filter(({ capture }) => capture.isLog);
    if (trace === undefined || logs.length === 0) return;
    for (const lane of logs) await this.#alignLog(trace, lane);
    for (const lane of this.#lanes) if (!lane.capture.isLog) lane.boot = trace.boot;
  }

  async #alignLog(trace: Lane, lane: Lane): Promise<void> {
    const unaligned = (why: string): void => {
      lane.capture.diagnostics.report('clock-unaligned', { line: 1 }, why);
    };
    if ([lane, trace].some(({ capture }) => typeof capture.input === 'string' && isReadOnce(capture.input))) {
      unaligned('a pipe can be read only once, aligning takes two passes; the log keeps its own times');
      return;
    }
    const lines = await readLogLines(lane.capture, this.#options);
    const common = await commonLines(trace.capture, lines, lane.capture.source.name, this.#options);
    if (common.inTicks) {
      trace.linePairs = common.pairs.flat();
      await this.#proveRate(trace, common.clock);
      if (trace.rate === null) {
        unaligned(`${trace.capture.source.name} counts ticks of its own clock; the log keeps its own times`);
        return;
      }
    }
    const alignment = alignLines(common, trace.rate?.nsPerTick);
    lane.alignment = alignment;
    // Without a common line the trace is taken to be from the log's last boot: one records what just happened.
    trace.boot ??= alignment?.boot ?? lastBootOf(lines, common.release);
    if (alignment === undefined) {
      unaligned(`no line in common with ${trace.capture.source.name}; the log keeps its own times`);
    } else {
      this.#uncertaintyNs = Math.max(this.#uncertaintyNs, alignment.uncertaintyNs);
      for (const report of lines.reports)
        if (report.boot === alignment.boot)
          this.#knownReports.push({ ...report, tsNs: report.tsNs + alignment.offsetNs });
    }
  }

  /**
   * The batches in time order, each with its event numbers, the dictionary delta that it needs and the kernel reports that fall
   * into its time. May be called once.
   * @throws CaptureError when a capture turns out to hold nothing that can be read.
   */
  async *batches(): AsyncGenerator<EventBatch> {
    const lanes = this.#lanes.map((lane) => this.#lane(lane));
    const merged = lanes.length === 1 ? lanes[0] : mergeByTime(lanes);
    let boot = 0;
    let nextEventId = 1;
    for await (const batch of merged) {
      if (batch.length === 0) continue;
      if (batch.boot !== boot) {
        const rest = this.#rest(boot, nextEventId);
        if (rest) yield rest;
        boot = batch.boot;
        nextEventId = 1;
      }
      batch.firstEventId = nextEventId;
      nextEventId += batch.length;
      batch.delta = this.#takeDelta();
      batch.reports = this.#takeReports(boot, batch.tsNs[batch.length - 1]);
      yield batch;
    }
    const rest = this.#rest(boot, nextEventId);
    if (rest) yield rest;
  }

  /** Reports and dictionary entries that came after the last event of a boot. */
  #rest(boot: number, nextEventId: number): EventBatch | undefined {
    const reports = this.#takeReports(boot, Number.POSITIVE_INFINITY);
    if (reports.length === 0) return undefined;
    const batch = new Batch(1, 1);
    batch.boot = boot;
    batch.firstEventId = nextEventId;
    batch.delta = this.#takeDelta();
    batch.reports = reports;
    return batch;
  }

  async *#lane(lane: Lane): AsyncGenerator<EventBatch> {
    const { capture } = lane;
    const { alignment } = lane;
    const console = capture.isLog
      ? undefined
      : new ConsoleReports(this.#dictionary, this.#knownReports, this.#uncertaintyNs);
    const reorder = new Reorder((count, tsNs, afterNs) => {
      const text = `a record of ${tsNs} ns comes after one of ${afterNs} ns`;
      capture.diagnostics.report('time-backwards', { byte: capture.source.consumedBytes }, text, count);
    });
    let lastBoot = lane.boot ?? 0;
    let records = 0;
    // Of one trace alone the end is that of the run.
    const several = this.#lanes.filter((other) => !other.capture.isLog).length > 1;
    const end = several && !capture.isLog ? new RecordingEnd(this.#dictionary) : undefined;
    lane.end = end;
    const pass = (batch: EventBatch): EventBatch => {
      extend(lane.spans, batch);
      end?.append(batch);
      if (console) this.#queueReports(batch.boot, console.read(batch), 0);
      return batch;
    };
    for await (const batch of capture.batches(this.#dictionary)) {
      if (capture.facts.timeUnit === 'ticks') await this.#toTime(lane, batch);
      this.#queueDelta(batch.delta);
      records += batch.length + batch.reports.length;
      if (lane.boot !== undefined && !capture.isLog) batch.boot = lane.boot;
      this.#checkKernel(lane, batch);
      lastBoot = batch.boot;
      // Earlier boots of the log have clocks of their own.
      const offsetNs = alignment?.boot === batch.boot ? alignment.offsetNs : 0;
      if (offsetNs !== 0) for (let i = 0; i < batch.length; i++) batch.tsNs[i] += offsetNs;
      const wanted = this.#selector?.select(batch, capture.isLog, capture.diagnostics) ?? batch;
      this.#queueReports(batch.boot, wanted.reports, offsetNs);
      for (const ready of reorder.push(wanted)) yield pass(ready);
    }
    if (records === 0) refuseIfUnreadable(capture);
    for (const ready of reorder.finish()) yield pass(ready);
    const marker = end?.marker(this.#lanes.flatMap((other) => (other === lane ? [] : (other.end ?? []))));
    if (marker) {
      this.#queueDelta(marker.delta);
      yield marker;
    }
    if (console) this.#queueReports(lastBoot, console.finish(), 0);
  }

  /** @throws CaptureError when another capture of the same boot is of another kernel */
  #checkKernel(lane: Lane, batch: EventBatch): void {
    const { boot, reports } = batch;
    const { capture } = lane;
    const { release } = capture.facts.profile;
    const { name } = capture.source;
    if (this.#lanes.length > 1) this.#checkMarks(lane, batch);
    if (!capture.isLog) {
      if (release !== undefined) this.#kernels.see(lane.boot ?? boot, release, name);
      return;
    }
    for (const report of reports) {
      const stated = releaseIn(report);
      if (stated !== undefined) this.#kernels.see(boot, stated, name);
    }
  }

  /** @throws CaptureError when another capture shows that it is of another boot */
  #checkMarks(lane: Lane, batch: EventBatch): void {
    const { capture } = lane;
    const { name } = capture.source;
    if (!capture.isLog) {
      this.#marks.seeTasks(batch, (id) => this.#dictionary.text(id), name);
      if (capture.facts.hostname) this.#marks.seeHost(lane.boot ?? batch.boot, capture.facts.hostname, name);
      if (capture.facts.kernelText) this.#marks.seeText(batch.boot, capture.facts.kernelText, name);
      return;
    }
    for (const report of batch.reports)
      if ('task' in report && report.task) this.#marks.seeTask(batch.boot, report.task.comm, report.task.tid, name);
  }

  /** Ticks of a clock whose rate is proven become nanoseconds. */
  async #toTime(lane: Lane, batch: EventBatch): Promise<void> {
    const { capture } = lane;
    const { facts } = capture;
    if (lane.rate === undefined) await this.#proveRate(lane, facts.clock);
    if (!lane.rate) return;
    const { nsPerTick } = lane.rate;
    lane.baseTicks ??= facts.baseNs;
    facts.baseNs = BigInt(Math.round(Number(lane.baseTicks) * nsPerTick));
    for (let i = 0; i < batch.length; i++) batch.tsNs[i] = Math.round(batch.tsNs[i] * nsPerTick);
  }

  async #proveRate(lane: Lane, clock: string | undefined): Promise<void> {
    lane.rate = (await proveRate(lane.capture.input, clock, lane.linePairs, this.#options)) ?? null;
    if (lane.rate !== null) return;
    const whose = clock === undefined ? '' : ` of the ${clock} clock`;
    const text = `times are ticks${whose}, and nothing says how long one is`;
    lane.capture.diagnostics.report('clock-ticks', { line: 1 }, text);
  }

  #queueDelta(delta: DictionaryDelta): void {
    const pending = this.#delta;
    for (const text of delta.strings) pending.strings.push(text);
    for (const type of delta.types) pending.types.push(type);
    for (const n of delta.frames) pending.frames.push(n);
    for (const n of delta.stacks) pending.stacks.push(n);
  }

  #takeDelta(): DictionaryDelta {
    const delta = this.#delta;
    this.#delta = emptyDelta();
    return delta;
  }

  #queueReports(boot: number, reports: readonly LogReport[], offsetNs: number): void {
    for (const report of reports) {
      // As it will come back from the store: without keys that are undefined.
      const plain = JSON.parse(JSON.stringify(report)) as LogReport;
      this.#reports.push({ boot, report: offsetNs === 0 ? plain : { ...plain, tsNs: plain.tsNs + offsetNs } });
    }
  }

  #takeReports(boot: number, untilNs: number): LogReport[] {
    if (this.#reports.length === 0) return [];
    const due = this.#reports.filter((pending) => pending.boot === boot && pending.report.tsNs <= untilNs);
    if (due.length === 0) return [];
    this.#reports = this.#reports.filter((pending) => !due.includes(pending));
    return due.map((pending) => pending.report).sort((a, b) => a.tsNs - b.tsNs || a.line - b.line);
  }
}

/** One records what just happened: the last boot of the log, of those of that kernel when it has any. */
function lastBootOf({ boots, releases }: LogLines, release: string | undefined): number {
  let last: number | undefined;
  for (const [boot, of] of releases) if (of === release) last = boot;
  return last ?? boots - 1;
}

/** Takes a batch, which is in time order, into the spans. */
function extend(spans: Lane['spans'], { boot, tsNs, length }: EventBatch): void {
  if (length === 0) return;
  const span = spans.get(boot);
  if (span === undefined) spans.set(boot, [tsNs[0], tsNs[length - 1]]);
  else span[1] = Math.max(span[1], tsNs[length - 1]);
}

/** A capture may be empty of events; one in which nothing could be read is none. */
function refuseIfUnreadable(capture: Capture): void {
  for (const { kind, first, count } of capture.diagnostics.issues.values()) {
    const { severity, advice } = DIAGNOSTICS[kind];
    if (severity === 'note') continue;
    const place = 'line' in first ? `line ${first.line}` : `byte ${first.byte}`;
    throw new CaptureError(
      `${capture.source.name}: ${place}: no trace record could be read (${kind} ×${count}). ${advice}`,
    );
  }
}
