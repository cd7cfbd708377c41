/** `quiesce fleet`: thousands of runs in one place, and what is asked of them. */
import type { Command } from 'commander';
import type { Session } from '../../terminal/output.ts';
import { registerFleetGate } from './gate.ts';
import { registerFleetMerge } from './merge.ts';
import { registerFleetPush } from './push.ts';
import { registerFleetReport } from './report.ts';
import { registerFleetSchema } from './schema.ts';

export function registerFleet(program: Command, session: Session): void {
  const fleet = program.command('fleet');
  registerFleetPush(fleet, session);
  registerFleetReport(fleet, session);
  registerFleetGate(fleet, session);
  registerFleetMerge(fleet, session);
  registerFleetSchema(fleet, session);
}
