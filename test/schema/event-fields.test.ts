/** Fields by name: positions as in the catalog, and names that do not exist do not compile. */
import { describe, expect, it } from 'vitest';
import {
  type EventCursor,
  type EventType,
  type FieldPosition,
  fieldsOf,
  KNOWN_EVENTS,
  knownName,
  kprobeFields,
  kretprobeFields,
  positionOf,
  positionsOf,
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
    expect(() => fieldsOf('lock_acquire', 'lock_release')).toThrow('name is at different positions');
  });

  it('are the same for probes, whose own arguments only the capture knows', () => {
    expect([kprobeFields, kretprobeFields]).toEqual([
      { func: 0, ip: 1 },
      { func: 0, ret_ip: 1 },
    ]);
    const probe = type('synchronize_srcu', 'kprobe', 'func', 'ip', 'ssp');
    expect(positionOf(probe, 'ssp')).toBe(2);
    expect(positionOf(probe, 'lock')).toBeUndefined();
    expect(positionsOf(probe)).toEqual([
      ['func', 0],
      ['ip', 1],
      ['ssp', 2],
    ]);
  });

  it('belong to tracepoints and markers, not to a probe of the same name', () => {
    expect(knownName(type('sched_switch', 'tracepoint'))).toBe('sched_switch');
    expect(knownName(type('quiesce_lost', 'marker'))).toBe('quiesce_lost');
    expect(knownName(type('sched_switch', 'kprobe'))).toBeUndefined();
    expect(knownName(type('sched_swatch', 'tracepoint'))).toBeUndefined();
  });
});

/** Never run: `npm run typecheck` fails when one of these compiles. */
function _doesNotCompile(event: EventCursor, known: ReturnType<typeof knownName>): void {
  // @ts-expect-error no such event
  fieldsOf('rcu_quiescent_state_raport');
  // @ts-expect-error no such field
  fieldsOf('rcu_quiescent_state_report').musk;
  // @ts-expect-error not a field of both
  fieldsOf('sched_waking', 'sched_migrate_task').target_cpu;
  // @ts-expect-error a label that no event has
  if (known === 'sched_swatch') return;
  // @ts-expect-error a bare number is no position
  const bare: FieldPosition = 4;
  // @ts-expect-error a string is not read as a pointer
  const pointer: FieldPosition<'ptr'> = fieldsOf('lock_release').name;
  event.text(bare);
  event.key(pointer);
}
