/**
 * Baseline files: histograms and findings of runs as JSON, without events. Written by `quiesce baseline save`, read wherever a
 * comparison takes a store.
 */
import { readFileSync } from 'node:fs';
import {
  type BaselineFile,
  type BaselineMetric,
  type BaselineRun,
  CaptureError,
  type Finding,
  fileProblem,
} from '../../schema/index.ts';
import type { RecordedMetric, RunRecord } from './run-record.ts';
import type { SampleBlock } from './sample-blocks.ts';

/** Whether a text begins like a baseline file: decided by content, like every format. */
export function looksLikeBaseline(head: string): boolean {
  return /^\s*\{\s*"schema"\s*:\s*"quiesce\.baseline\//.test(head);
}

export function baselineOf(runs: readonly RunRecord[]): BaselineFile {
  return { schema: 'quiesce.baseline/1', runs: runs.map(baselineRun) };
}

function baselineRun(run: RunRecord): BaselineRun {
  return {
    name: run.name,
    release: run.release,
    cpus: run.cpus,
    events: run.events,
    lost: run.lost,
    ...(run.lost_at_least && { lost_at_least: true }),
    span_ns: run.span_ns,
    resolution_ns: run.resolutionNs,
    systems: run.systems,
    metrics: run.metrics.map(
      ({ metric, label, samples }): BaselineMetric => ({
        metric,
        ...(label !== undefined && { label }),
        count: samples.count,
        open: samples.openCount,
        min_ns: samples.minNs,
        max_ns: samples.maxNs,
        sum_ns: samples.sumNs,
        blocks: samples.blocks.map(({ buckets, counts }) =>
          Array.from(buckets, (bucket, i) => [bucket, counts[i]]).flat(),
        ),
      }),
    ),
    findings: run.findings.map((finding): Finding => ({ ...finding, evidence: [] })),
  };
}

/** One line per metric and finding: a baseline that changed shows as a readable diff. */
export function baselineText(file: BaselineFile): string {
  const list = (items: readonly unknown[], indent: string): string =>
    items.length === 0
      ? '[]'
      : `[\n${items.map((item) => `${indent} ${JSON.stringify(item)}`).join(',\n')}\n${indent}]`;
  const runs = file.runs.map(({ metrics, findings, ...head }) => {
    const fields = JSON.stringify(head).slice(1, -1);
    return `  {${fields},\n   "metrics": ${list(metrics, '   ')},\n   "findings": ${list(findings, '   ')}}`;
  });
  return `{"schema": ${JSON.stringify(file.schema)},\n "runs": [\n${runs.join(',\n')}\n ]}\n`;
}

/**
 * Reads a baseline file.
 * @throws CaptureError when it cannot be read, is no baseline, or is damaged
 */
export function readBaseline(path: string): RunRecord[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CaptureError(`${path}: ${fileProblem(error)}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CaptureError(`${path}: ${(error as Error).message}`);
  }
  const fail = (place: string, expected: string): never => {
    throw new CaptureError(`${path}: ${place}: ${expected} expected`);
  };
  if (!isObject(json) || json.schema !== 'quiesce.baseline/1') return fail('schema', "'quiesce.baseline/1'");
  if (!Array.isArray(json.runs)) return fail('runs', 'a list');
  const { runs } = json;
  return runs.map((run: unknown, index) => {
    if (!isObject(run)) return fail(`runs[${index}]`, 'an object');
    const at = `runs[${index}]`;
    const number = (value: unknown, name: string): number =>
      typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : fail(`${at}.${name}`, 'a number');
    const list = (value: unknown, name: string): unknown[] =>
      Array.isArray(value) ? value : fail(`${at}.${name}`, 'a list');
    return {
      source: runs.length > 1 ? `${path}#${index + 1}` : path,
      name: typeof run.name === 'string' ? run.name : fail(`${at}.name`, 'a text'),
      release: typeof run.release === 'string' ? run.release : null,
      cpus: number(run.cpus, 'cpus'),
      events: number(run.events, 'events'),
      lost: number(run.lost, 'lost'),
      ...(run.lost_at_least === true && { lost_at_least: true }),
      span_ns: number(run.span_ns, 'span_ns'),
      resolutionNs: number(run.resolution_ns, 'resolution_ns'),
      systems: list(run.systems, 'systems').map(String),
      metrics: list(run.metrics, 'metrics').map((metric, i) => readMetric(metric, `${at}.metrics[${i}]`, fail)),
      findings: list(run.findings, 'findings').map((finding, i): Finding => {
        if (!isObject(finding) || typeof finding.kind !== 'string' || typeof finding.id !== 'string')
          return fail(`${at}.findings[${i}]`, 'a finding');
        return finding as unknown as Finding;
      }),
    };
  });
}

function readMetric(metric: unknown, at: string, fail: (place: string, expected: string) => never): RecordedMetric {
  if (!isObject(metric) || typeof metric.metric !== 'string') return fail(at, 'a metric');
  const number = (name: string): number => {
    const value = metric[name];
    return typeof value === 'number' && Number.isFinite(value) && value >= 0
      ? value
      : fail(`${at}.${name}`, 'a number');
  };
  if (!Array.isArray(metric.blocks)) return fail(`${at}.blocks`, 'a list');
  const blocks = metric.blocks.map(
    (block: unknown, i) => readBlock(block) ?? fail(`${at}.blocks[${i}]`, 'pairs of bucket and count'),
  );
  return {
    metric: metric.metric,
    label: typeof metric.label === 'string' ? metric.label : undefined,
    samples: {
      blocks,
      count: blocks.reduce((sum, block) => sum + block.samples, 0),
      openCount: number('open'),
      minNs: number('min_ns'),
      maxNs: number('max_ns'),
      sumNs: number('sum_ns'),
    },
  };
}

/** Undefined when it is no block. */
function readBlock(pairs: unknown): SampleBlock | undefined {
  if (!Array.isArray(pairs) || pairs.length === 0 || pairs.length % 2 !== 0) return undefined;
  const buckets = new Uint16Array(pairs.length / 2);
  const counts = new Float64Array(pairs.length / 2);
  let samples = 0;
  for (let i = 0; i < buckets.length; i++) {
    const bucket: unknown = pairs[2 * i];
    const count: unknown = pairs[2 * i + 1];
    const previous = i > 0 ? buckets[i - 1] : -1;
    if (!Number.isSafeInteger(bucket) || !Number.isSafeInteger(count)) return undefined;
    if ((bucket as number) <= previous || (bucket as number) > 0xffff || (count as number) < 1) return undefined;
    buckets[i] = bucket as number;
    counts[i] = count as number;
    samples += count as number;
  }
  return { buckets, counts, samples };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
