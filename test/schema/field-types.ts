import { type EventCursor, type FieldPosition, fieldsOf, type knownName } from '../../schema/index.ts';

/** Never run: `npm run typecheck` fails when one of these compiles. */
export function doesNotCompile(event: EventCursor, known: ReturnType<typeof knownName>): void {
  // @ts-expect-error no such event
  fieldsOf('rcu_quiescent_state_raport');
  // @ts-expect-error no such field
  fieldsOf('rcu_quiescent_state_report').musk;
  // @ts-expect-error not a field of both
  fieldsOf('sched_waking', 'sched_migrate_task').target_cpu;
  // @ts-expect-error at another position in each
  fieldsOf('funcgraph_entry', 'funcgraph_exit').depth;
  // @ts-expect-error a label that no event has
  if (known === 'sched_swatch') return;
  // @ts-expect-error a bare number is no position
  const bare: FieldPosition = 4;
  // @ts-expect-error a string is not read as a pointer
  const pointer: FieldPosition<'ptr'> = fieldsOf('lock_release').name;
  event.text(bare);
  event.key(pointer);
}
