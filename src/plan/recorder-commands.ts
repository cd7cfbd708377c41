/** The commands of a recording, for trace-cmd, perf and bare tracefs. Run as root; every line can be pasted into a shell. */
import type { PlannedRecording } from '../../schema/index.ts';
import { TRACEFS_PATHS } from './tracefs-target.ts';

/** Events of kprobes land in this group. */
const KPROBE_GROUP = 'kprobes';
/** TASK_UNINTERRUPTIBLE as the event reports it (kernel/sched/core.c __trace_sched_switch_state). */
const STACK_TRIGGER = 'stacktrace if prev_state == 2';
/** Comparable between CPUs, readable in NMIs, and not set back (E0.5). */
const CLOCK = 'mono';

/** perf wakes its reader by irq_work and so may not sample it: the kernel refuses the exit (TRACE_EVENT_PERF_PERM, asm/trace/irq_vectors.h). */
const NOT_BY_PERF = /^irq_vectors:irq_work_(entry|exit)$/;

type Recording = Omit<PlannedRecording, 'commands'>;

/** @param tracefs where it is mounted; default: the usual place */
export function recorderCommands(
  recording: Recording,
  durationS: number,
  tracefs: string = TRACEFS_PATHS[0],
): PlannedRecording['commands'] {
  const { events, stacks } = recording;
  const probes = recording.kprobes.map((line) => line.slice(line.indexOf(':') + 1, line.indexOf(' ')));
  const probeEvents = probes.map((name) => `${KPROBE_GROUP}:${name}`);
  const kprobes = recording.kprobes.map((line) => `echo '${line}' >> ${tracefs}/kprobe_events`);
  const removeProbes = probes.map((name) => `echo '-:${name}' >> ${tracefs}/kprobe_events`);
  const trigger = `${tracefs}/events/sched/sched_switch/trigger`;
  const stackTrigger = stacks ? [`echo '${STACK_TRIGGER}' > ${trigger}`] : [];
  const removeTrigger = stacks ? [`echo '!${STACK_TRIGGER}' > ${trigger}`] : [];
  const file = `${recording.name}.dat`;
  const log = `dmesg > ${recording.name}.dmesg.txt`;
  const all = [...events, ...probeEvents];
  const byPerf = all.filter((name) => !NOT_BY_PERF.test(name));
  return {
    'trace-cmd': {
      prepare: [...kprobes, ...stackTrigger],
      record: [
        `trace-cmd record -C ${CLOCK} -b ${recording.buffer_kb} ${all.map((name) => `-e ${name}`).join(' ')} -o ${file} sleep ${durationS}`,
        log,
        `quiesce replay ${file} ${recording.name}.dmesg.txt`,
      ],
      restore: [...removeTrigger, ...removeProbes],
    },
    perf: {
      prepare: kprobes,
      record: [
        `perf record -a -k ${CLOCK} -m ${perfPages(recording.buffer_kb)} ${byPerf.map((name) => `-e ${perfEvent(name, stacks)}`).join(' ')} -o ${recording.name}.perf.data -- sleep ${durationS}`,
        log,
        `quiesce replay ${recording.name}.perf.data ${recording.name}.dmesg.txt`,
      ],
      restore: removeProbes,
    },
    tracefs: {
      prepare: [
        ...kprobes,
        ...stackTrigger,
        `echo 0 > ${tracefs}/tracing_on`,
        `echo ${CLOCK} > ${tracefs}/trace_clock`,
        `echo ${recording.buffer_kb_tracefs} > ${tracefs}/buffer_size_kb`,
        `echo 1 > ${tracefs}/options/irq-info`,
        `echo > ${tracefs}/trace`,
        ...all.map((name) => `echo 1 > ${tracefs}/events/${name.replace(':', '/')}/enable`),
      ],
      record: [
        `echo 1 > ${tracefs}/tracing_on; sleep ${durationS}; echo 0 > ${tracefs}/tracing_on`,
        `cat ${tracefs}/trace > ${recording.name}.trace.txt`,
        log,
        `quiesce replay ${recording.name}.trace.txt ${recording.name}.dmesg.txt`,
      ],
      restore: [
        ...all.map((name) => `echo 0 > ${tracefs}/events/${name.replace(':', '/')}/enable`),
        ...removeTrigger,
        ...removeProbes,
        `echo 1408 > ${tracefs}/buffer_size_kb`,
        `echo local > ${tracefs}/trace_clock`,
        `echo 1 > ${tracefs}/tracing_on`,
      ],
    },
  };
}

/** perf wants a power of two of pages; 4 KiB each. */
function perfPages(bufferKb: number): string {
  return `${2 ** Math.ceil(Math.log2(bufferKb / 1024))}M`;
}

/** Call chains only where tasks are switched: everywhere would cost too much. */
function perfEvent(name: string, stacks: boolean): string {
  return stacks && name === 'sched:sched_switch' ? "'sched:sched_switch/call-graph=fp/'" : name;
}
