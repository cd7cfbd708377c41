/** Fields by name are at the catalog's positions. What does not compile is in field-types.ts. */
import { describe, expect, it } from 'vitest';
import {
  type EventType,
  fieldsOf,
  KNOWN_EVENTS,
  knownName,
  kprobeFields,
  kretprobeFields,
  positionWhere,
} from '../../schema/index.ts';

const type = (name: string, shape: EventType['shape'], ...fields: string[]): EventType => ({
  typeId: 0,
  system: 'x',
  name,
  shape,
  fields: fields.map((field) => ({ name: field, type: 'int' })),
});

describe('fields of known events', () => {
  it.each([...KNOWN_EVENTS.values()])('$name has every field at its position', ({ name, fields }) => {
    expect(fieldsOf(name)).toEqual(Object.fromEntries(fields.map((field, position) => [field.name, position])));
  });

  it('are those that several events share, at one position', () => {
    expect(fieldsOf('lock_release', 'lock_acquired')).toEqual({ name: 0, lockdep_addr: 1 });
    expect(fieldsOf('sched_waking', 'sched_migrate_task')).toEqual({ comm: 0, pid: 1, prio: 2 });
    expect(fieldsOf('funcgraph_entry', 'funcgraph_exit')).toEqual({ func: 0 });
  });

  it('are the same for probes, whose own arguments only the capture knows', () => {
    expect([kprobeFields, kretprobeFields]).toEqual([
      { func: 0, ip: 1 },
      { func: 0, ret_ip: 1 },
    ]);
    const probe = type('synchronize_srcu', 'kprobe', 'func', 'ip', 'ssp');
    expect(positionWhere(probe, (name) => name === 'ssp')).toBe(2);
    expect(positionWhere(probe, (name) => name === 'lock')).toBeUndefined();
  });

  it('belong to tracepoints and markers, not to a probe of the same name', () => {
    expect(knownName(type('sched_switch', 'tracepoint'))).toBe('sched_switch');
    expect(knownName(type('quiesce_lost', 'marker'))).toBe('quiesce_lost');
    expect(knownName(type('sched_switch', 'kprobe'))).toBeUndefined();
    expect(knownName(type('sched_swatch', 'tracepoint'))).toBeUndefined();
  });
});
