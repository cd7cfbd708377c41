/**
 * Fields of known events that are not simply the field of the same name: computed from several, masked, or shown by a text that
 * the print fmt does not hold. One row per exception.
 */

import type { FormatField } from '../event-format.ts';
import { readBigInt, textPlan } from '../text/number-text.ts';
import { binaryPrint, consoleMessage, constantPrint, plainPrint } from '../text/printed-text.ts';
import { closurePlan, type FieldPlan } from './cell-plan.ts';
import { numberPlan } from './field-plan.ts';
import type { FieldSource } from './field-source.ts';

const TWO_32 = 4294967296;

export type FieldRule = (source: FieldSource) => FieldPlan | undefined;

/** Rules by `event.field`. A rule that finds its sources missing gives undefined. */
export const FIELD_RULES: Record<string, FieldRule> = {
  'rcu_watching.counter': watchingCounter,
  'rcu_dyntick.counter': watchingCounter,
  'irq_disable.caller': (source) => textOffset(source, 'caller_offs'),
  'irq_disable.parent': (source) => textOffset(source, 'parent_offs'),
  'irq_enable.caller': (source) => textOffset(source, 'caller_offs'),
  'irq_enable.parent': (source) => textOffset(source, 'parent_offs'),
  'preempt_disable.caller': (source) => textOffset(source, 'caller_offs'),
  'preempt_disable.parent': (source) => textOffset(source, 'parent_offs'),
  'preempt_enable.caller': (source) => textOffset(source, 'caller_offs'),
  'preempt_enable.parent': (source) => textOffset(source, 'parent_offs'),
  'funcgraph_exit.duration_ns': graphDuration,
  'bprint.buf': binaryPrint,
  'print.buf': plainPrint,
  'bputs.buf': constantPrint,
  'console.msg': consoleMessage,
  'timerlat.context': (source) => textPlan(source.take('context'), timerlatContext, source.context),
  'sys_enter.args': syscallArguments,
  'sched_switch.prev_state': taskState,
};
for (const [index, segment] of ['done', 'wait', 'next_ready', 'next'].entries()) {
  for (const array of ['seglen', 'gp_seq'])
    FIELD_RULES[`rcu_segcb_stats.${array}_${segment}`] = (source) => elementPlan(source.take(array), index);
}

/** Element of an array as a column of its own (`seglen[RCU_WAIT_TAIL]`). */
function elementPlan(array: FormatField | undefined, index: number): FieldPlan | undefined {
  if (!array || (index + 1) * array.elementBytes > array.sizeBytes) return undefined;
  const offset = array.offset + index * array.elementBytes;
  return numberPlan({ ...array, isArray: false, offset, sizeBytes: array.elementBytes }, 'int');
}

/** Printed `& 0xfff` (include/trace/events/rcu.h), so that text and binary agree. */
function watchingCounter({ take, context }: FieldSource): FieldPlan | undefined {
  const field = take('counter') ?? take('dynticks');
  if (!field || field.sizeBytes < 2) return undefined;
  return closurePlan(field, 'hex', (record, start, _end, writer) => {
    const at = start + field.offset + (context.littleEndian ? 0 : field.sizeBytes - 2);
    writer.int(record.view.getUint16(at, context.littleEndian) & 0xfff);
  });
}

/** `(void *)((unsigned long)(_stext) + REC->caller_offs)` of include/trace/events/preemptirq.h. */
function textOffset({ take, context }: FieldSource, name: string): FieldPlan | undefined {
  const field = take(name);
  if (field?.sizeBytes !== 4) return undefined;
  return closurePlan(field, 'str', (record, start, _end, writer) => {
    const base = context.addresses.textStart;
    if (!base) return writer.null();
    const lo = base.lo + record.view.getInt32(start + field.offset, context.littleEndian);
    writer.str(context.addresses.symbolWithOffset((base.hi + Math.floor(lo / TWO_32)) | 0, lo | 0));
  });
}

/** The kernel records when a function was called and when it returned, in the trace clock's unit. */
function graphDuration({ take, context }: FieldSource): FieldPlan | undefined {
  const called = take('calltime');
  const returned = take('rettime');
  if (called?.sizeBytes !== 8 || returned?.sizeBytes !== 8) return undefined;
  const later = called.offset > returned.offset ? called : returned;
  return closurePlan(later, 'int', (record, start, _end, writer) => {
    const { view } = record;
    const hi = context.littleEndian ? 4 : 0;
    const lo = 4 - hi;
    const from = start + called.offset;
    const to = start + returned.offset;
    const highs = view.getUint32(to + hi, context.littleEndian) - view.getUint32(from + hi, context.littleEndian);
    const lows = view.getUint32(to + lo, context.littleEndian) - view.getUint32(from + lo, context.littleEndian);
    const duration = highs * TWO_32 + lows;
    if (Number.isSafeInteger(duration)) writer.int(duration);
    else writer.null();
  });
}

/** `NR 3 (7f00, 0, 1, 0, 0, 0)`: the list inside the brackets. */
function syscallArguments({ take, context }: FieldSource): FieldPlan | undefined {
  const field = take('args');
  if (!field || (field.elementBytes !== 4 && field.elementBytes !== 8)) return undefined;
  return closurePlan(field, 'str', (record, start, _end, writer) => {
    const args: string[] = [];
    for (let i = 0; i < field.sizeBytes; i += field.elementBytes) {
      const element = { ...field, sizeBytes: field.elementBytes, signed: false };
      args.push(readBigInt(record, start + field.offset + i, element, context.littleEndian).toString(16));
    }
    writer.text(args.join(', '));
  });
}

/** timerlat_lat_context of kernel/trace/trace_output.c; the format file prints the bare number. */
function timerlatContext(value: bigint): string | undefined {
  return ['irq', 'thread', 'user ret'][Number(value)];
}

/** Letters of include/linux/sched.h task_index_to_char for TASK_REPORT, used when the print fmt cannot be read. */
const STATE_LETTERS = 'SDTtXZPI';
const TASK_REPORT_MAX = 0x100;

function stateLetters(value: bigint): string {
  const state = Number(BigInt.asUintN(32, value));
  const letters = [...STATE_LETTERS].filter((_, bit) => state & (1 << bit));
  return (letters.length ? letters.join('|') : 'R') + (state & TASK_REPORT_MAX ? '+' : '');
}

function taskState(source: FieldSource): FieldPlan | undefined {
  const field = source.take('prev_state');
  const printed = field && source.print.textOf(field.name);
  return textPlan(field, (value) => printed?.(value) ?? stateLetters(value), source.context);
}
