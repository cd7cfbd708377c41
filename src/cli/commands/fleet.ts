/** `quiesce fleet`: thousands of runs in one place, and what is asked of them. */
import type { Command } from 'commander';
import type { Session } from '../output.ts';
import { registerFleetGate } from './fleet/gate.ts';
import { registerFleetMerge } from './fleet/merge.ts';
import { registerFleetPush } from './fleet/push.ts';
import { registerFleetReport } from './fleet/report.ts';
import { registerFleetSchema } from './fleet/schema.ts';

export function registerFleet(program: Command, session: Session): void {
  const fleet = program.command('fleet');
  registerFleetPush(fleet, session);
  registerFleetReport(fleet, session);
  registerFleetGate(fleet, session);
  registerFleetMerge(fleet, session);
  registerFleetSchema(fleet, session);
}
