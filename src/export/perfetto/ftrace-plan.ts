/** How the events of one type are written, worked out once per type. */
import type { EventType } from '../../../schema/index.ts';
import { FTRACE_MESSAGES, type FtraceFieldForm } from './ftrace-table.ts';
import { LENGTH, VARINT } from './packets.ts';

export type FieldForm = FtraceFieldForm | 'uint';

/** One cell of an event; those without a place in the message are missing. */
export interface PlannedField {
  readonly name: string;
  /** Position among the cells. */
  readonly cell: number;
  readonly form: FieldForm;
  /** Tag as it precedes the value. */
  readonly tag: number;
}

export interface EventPlan {
  readonly type: EventType;
  /** Tag of the event's message in `FtraceEvent`. */
  readonly tag: number;
  readonly fields: readonly PlannedField[];
  /** Described in the trace; undefined: Perfetto knows it. */
  readonly descriptor?: GenericDescriptor;
  /** Tag of the field with the stack. */
  readonly stackTag?: number;
}

/** `FtraceEventBundle.GenericEventDescriptor`. */
export interface GenericDescriptor {
  readonly fieldId: number;
  readonly fields: readonly { readonly name: string; readonly number: number; readonly type: number }[];
}

/** Types of `google.protobuf.FieldDescriptorProto`. */
const TYPE_INT64 = 3;
const TYPE_UINT64 = 4;
const TYPE_STRING = 9;

/** Described events have their messages from here on (perfetto: kGenericEvtProtoMinPbFieldId). */
const FIRST_DESCRIBED_ID = 65536;
/** Perfetto takes no field beyond (generic_ftrace_tracker.cc, kMaxAllowedFields). */
const MOST_FIELDS = 31;

const WIRE_OF: Readonly<Record<FieldForm, number>> = {
  int: VARINT,
  uint: VARINT,
  symbol: VARINT,
  state: VARINT,
  'timer-mode': VARINT,
  str: LENGTH,
};

const tagOf = (number: number, form: FieldForm): number => (number << 3) | WIRE_OF[form];

export function planOf(type: EventType): EventPlan {
  const known = type.shape === 'tracepoint' ? FTRACE_MESSAGES.get(type.name) : undefined;
  if (known === undefined) return describedPlan(type);
  return {
    type,
    tag: (known.id << 3) | LENGTH,
    fields: type.fields.flatMap(({ name }, cell) => {
      const place = known.fields[name];
      return place === undefined ? [] : [{ name, cell, form: place[1], tag: tagOf(...place) }];
    }),
  };
}

function describedPlan(type: EventType): EventPlan {
  const fieldId = FIRST_DESCRIBED_ID + type.typeId;
  const taken = type.fields.slice(0, MOST_FIELDS - 1);
  const fields = taken.map(({ name, type: kind }, cell): PlannedField => {
    const form: FieldForm = kind === 'str' ? 'str' : kind === 'int' ? 'int' : 'uint';
    return { name, cell, form, tag: tagOf(cell + 1, form) };
  });
  const stackNumber = taken.length + 1;
  return {
    type,
    tag: ((fieldId << 3) | LENGTH) >>> 0,
    fields,
    descriptor: {
      fieldId,
      fields: [
        ...fields.map(({ name, form }, i) => ({
          name,
          number: i + 1,
          type: form === 'str' ? TYPE_STRING : form === 'int' ? TYPE_INT64 : TYPE_UINT64,
        })),
        { name: 'stack', number: stackNumber, type: TYPE_STRING },
      ],
    },
    stackTag: tagOf(stackNumber, 'str'),
  };
}
