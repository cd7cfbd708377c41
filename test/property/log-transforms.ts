/** Ways to change a recording that must not change what it says, or must change it in a known way (MODEL O23–O29). */
import type { Finding } from '../../schema/index.ts';
import type { Cell, EventLog, LoggedEvent } from '../support/event-log.ts';
import { TID_FIELDS, tracepoint } from '../support/event-log.ts';

/** Fields that hold a CPU number. */
const CPU_FIELDS = /^(cpu|target_cpu|orig_cpu|dest_cpu|lost_cpu|req_cpu)$/;
/** Masks of rcu_node leaves. */
const MASK_FIELDS = /^(qsmask|mask)$/;

export interface Renaming {
  tid(tid: number): number;
  cpu(cpu: number): number;
}

export const SAME: Renaming = { tid: (tid) => tid, cpu: (cpu) => cpu };

/** Gives tasks and CPUs other numbers. CPUs must stay within their leaf rcu_node, which starts at CPU 0. */
export function renameLog(log: EventLog, names: Renaming): EventLog {
  return log.map((event) => ({
    ...event,
    cpu: names.cpu(event.cpu),
    tid: names.tid(event.tid),
    cells: event.cells.map((cell, i) => renameCell(cell, event.fields[i]?.name ?? '', names)),
  }));
}

function renameCell(cell: Cell, field: string, names: Renaming): Cell {
  if (typeof cell !== 'number') return cell;
  if (TID_FIELDS.test(field)) return names.tid(cell);
  if (CPU_FIELDS.test(field)) return names.cpu(cell);
  if (!MASK_FIELDS.test(field)) return cell;
  let mask = 0;
  for (let cpu = 0; cpu < 32; cpu++) if (cell & (1 << cpu)) mask |= 1 << names.cpu(cpu);
  return mask >>> 0;
}

/** Fields that hold a task's name. */
const COMM_FIELDS = /^(comm|prev_comm|next_comm|child_comm|parent_comm|newcomm|oldcomm)$/;

/** Gives tasks other names. */
export function renameComms(log: EventLog, name: (comm: string) => string): EventLog {
  return log.map((event) => ({
    ...event,
    comm: name(event.comm),
    cells: event.cells.map((cell, i) => {
      if (!COMM_FIELDS.test(event.fields[i]?.name ?? '')) return cell;
      if (typeof cell === 'string') return name(cell);
      return cell !== null && typeof cell === 'object' && 'text' in cell ? { text: name(cell.text) } : cell;
    }),
  }));
}

export function shiftLog(log: EventLog, ns: number): EventLog {
  return log.map((event) => ({ ...event, tsNs: event.tsNs + ns }));
}

/** Cuts times to multiples of `ns`, as text does with its microseconds. */
export function coarsen(log: EventLog, ns: number): EventLog {
  return log.map((event) => ({ ...event, tsNs: Math.floor(event.tsNs / ns) * ns }));
}

/** Reorders events of the same time on different CPUs; each CPU's own order stays. @param pick 0 ≤ pick(n) < n */
export function permuteTies(log: EventLog, pick: (n: number) => number): EventLog {
  const result: LoggedEvent[] = [];
  for (let start = 0; start < log.length; ) {
    let end = start;
    while (end < log.length && log[end].tsNs === log[start].tsNs) end++;
    const queues = new Map<number, LoggedEvent[]>();
    for (const event of log.slice(start, end)) {
      const queue = queues.get(event.cpu);
      if (queue) queue.push(event);
      else queues.set(event.cpu, [event]);
    }
    while (queues.size > 0) {
      const cpus = [...queues.keys()];
      const cpu = cpus[pick(cpus.length)];
      const queue = queues.get(cpu) as LoggedEvent[];
      result.push(queue.shift() as LoggedEvent);
      // A stack record belongs to the record right before it.
      while (queue[0]?.name === 'kernel_stack') result.push(queue.shift() as LoggedEvent);
      if (queue.length === 0) queues.delete(cpu);
    }
    start = end;
  }
  return result;
}

/** Merges the streams of the CPUs, taken in the given order, by time. */
export function mergeStreams(log: EventLog, cpuOrder: readonly number[]): EventLog {
  return cpuOrder.flatMap((cpu) => log.filter((event) => event.cpu === cpu)).sort((a, b) => a.tsNs - b.tsNs);
}

/**
 * Adds a busy CPU of its own that has nothing to do with anybody: switches and interrupts of tasks nobody knows. No ticks: whether a
 * recording has any is evidence about all its CPUs.
 */
export function addNoise(log: EventLog, cpu: number): EventLog {
  const noise: LoggedEvent[] = [];
  const firstNs = log[0].tsNs;
  const lastNs = log[log.length - 1].tsNs;
  const stepNs = Math.max(1000, Math.floor((lastNs - firstNs) / 400));
  let running = 0;
  for (let tsNs = firstNs + 77; tsNs < lastNs - 20; tsNs += stepNs) {
    const where = { tsNs, cpu, tid: running, comm: running ? `noise-${running}` : '<idle>' };
    const next = running === 0 ? 90001 : running === 90001 ? 90002 : 0;
    const name = (tid: number): string => (tid ? `noise-${tid}` : `swapper/${cpu}`);
    noise.push(tracepoint('irq_handler_entry', { ...where, tsNs: tsNs + 5 }, 99, 'noise'));
    noise.push(tracepoint('irq_handler_exit', { ...where, tsNs: tsNs + 10 }, 99, 1));
    const at = { ...where, tsNs: tsNs + 15 };
    noise.push(tracepoint('sched_switch', at, name(running), running, 120, running ? 'S' : 'R', name(next), next, 120));
    running = next;
  }
  return [...log, ...noise].sort((a, b) => a.tsNs - b.tsNs);
}

/** What a finding says, without the numbers of its events and without the strips of unrelated CPUs. */
export function sayings(findings: readonly Finding[], names: Renaming = SAME, shiftNs = 0): unknown[] {
  return findings
    .map((finding) => saying(finding, names, shiftNs))
    .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

function saying(finding: Finding, names: Renaming, shiftNs: number): object {
  const label = (text: string): string => text.replace(/:(\d+)$/, (_, tid) => `:${names.tid(Number(tid))}`);
  const who = (tid: number | undefined): number | undefined => (tid === undefined ? undefined : names.tid(tid));
  const where = (cpu: number | undefined | null): number | undefined =>
    cpu === undefined || cpu === null ? undefined : names.cpu(cpu);
  const common = {
    kind: finding.kind,
    severity: finding.severity,
    confidence: finding.confidence,
    start: finding.start_ns + shiftNs,
    end: finding.end_ns + shiftNs,
  };
  switch (finding.kind) {
    case 'rcu-stall':
      return {
        ...common,
        seq: finding.gp_seq,
        cause: finding.cause,
        cpus: finding.cpus.map(names.cpu).sort(),
        tasks: finding.tasks.map(label).sort(),
      };
    case 'blocked-sync':
    case 'hung-task':
      return {
        ...common,
        task: finding.task,
        tid: who(finding.tid),
        root: finding.root && { ...finding.root, cpu: where(finding.root.cpu), tid: who(finding.root.tid) },
        // Links of the same depth and weight are in the order of their numbers.
        chain: finding.chain.map((link) => `${link.kind} ${who(link.tid)} ${where(link.cpu)} ${link.blame_ns}`).sort(),
      };
    case 'nmi-storm':
    case 'irq-storm':
    case 'softirq-storm':
      return { ...common, cpu: where(finding.cpu), count: finding.count, max: finding.max_ns, share: finding.share };
    case 'deadlock':
      return { ...common, tids: finding.waits.map((wait) => who(wait.tid)).sort() };
    default:
      return common;
  }
}
