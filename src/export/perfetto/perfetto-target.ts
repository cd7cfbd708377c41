/** A run as a Perfetto trace. Perfetto draws scheduling, interrupts and work items from the events. */
import type { Dictionary, EventBatch } from '../../../schema/index.ts';
import type { RunHead, RunTarget } from '../run-target.ts';
import { ASSUMED_RELEASE } from './ftrace-table.ts';
import { FtraceWriter } from './ftrace-writer.ts';
import { PacketTimeline } from './packet-timeline.ts';
import { LENGTH, type Output, PacketSequence, TRACE_PACKET, VARINT } from './packets.ts';

/** Sequence of what is told of the run. */
const RUN_SEQUENCE = 3;

const SYSTEM_INFO = { utsname: 1, cpus: 8 } as const;
const UTSNAME = { sysname: 1, release: 3 } as const;
const ATTRIBUTE = { key: 1, number: 2, text: 3 } as const;

export class PerfettoTarget implements RunTarget {
  readonly timeline: PacketTimeline;
  readonly drawsInterrupts = true;
  readonly #out: Output;
  readonly #run: PacketSequence;
  #ftrace: FtraceWriter | undefined;

  constructor(out: Output) {
    this.#out = out;
    this.#run = new PacketSequence(RUN_SEQUENCE, out);
    this.timeline = new PacketTimeline(out);
  }

  begin(head: RunHead, dictionary: Dictionary): void {
    this.#ftrace = new FtraceWriter(dictionary, this.#out);
    const writer = this.#run.begin();
    writer.tag(TRACE_PACKET.systemInfo, LENGTH).fork();
    writer.tag(SYSTEM_INFO.utsname, LENGTH).fork().tag(UTSNAME.sysname, LENGTH).string('Linux');
    writer.tag(UTSNAME.release, LENGTH).string(head.release ?? ASSUMED_RELEASE);
    writer.join();
    writer.tag(SYSTEM_INFO.cpus, VARINT).uint32(head.cpus);
    writer.join();
    this.#run.end();
    this.#attributes({
      'quiesce.run': head.name,
      'quiesce.captures': head.captures.join(', '),
      'quiesce.clock': head.clock,
      // Times of the trace count from there.
      'quiesce.base_ns': head.baseNs,
      'quiesce.lost_events': head.lost,
      'quiesce.release_known': head.release === undefined ? 0 : 1,
    });
    this.#run.flush();
  }

  event(batch: EventBatch, index: number): boolean {
    return this.#ftrace?.write(batch, index) ?? false;
  }

  lose(cpu: number): void {
    this.#ftrace?.lose(cpu);
  }

  name(tsNs: number, tid: number, name: string): void {
    const writer = this.#run.begin();
    writer.tag(TRACE_PACKET.timestamp, VARINT).uint64(Math.max(0, tsNs));
    writer.tag(TRACE_PACKET.genericKernelTaskRename, LENGTH).fork();
    writer.tag(1, VARINT).int64(tid).tag(2, LENGTH).string(name);
    writer.join();
    this.#run.end();
  }

  close(): void {
    this.#ftrace?.close();
    this.#run.flush();
    this.timeline.close();
  }

  #attributes(values: Readonly<Record<string, string | number | undefined>>): void {
    const writer = this.#run.begin();
    writer.tag(TRACE_PACKET.traceAttributes, LENGTH).fork();
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined) continue;
      writer.tag(1, LENGTH).fork().tag(ATTRIBUTE.key, LENGTH).string(key);
      if (typeof value === 'number') writer.tag(ATTRIBUTE.number, VARINT).int64(value);
      else writer.tag(ATTRIBUTE.text, LENGTH).string(value);
      writer.join();
    }
    writer.join();
    this.#run.end();
  }
}
