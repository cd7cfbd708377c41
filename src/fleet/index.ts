/** The room of the fleet: what the command line needs of it. */
export { clickHouseSchema } from './clickhouse/tables.ts';
export { parseClickHouseUrl } from './clickhouse/url.ts';
export { collectRuns } from './collect.ts';
export { fleetGate } from './gate.ts';
export { mergeLake } from './lake/merge.ts';
export { applySchema, openSink, openSource } from './open.ts';
export { fleetOverview } from './overview.ts';
export { FLEET_REPORTS, runFleetReport } from './reports/index.ts';
export type { Label, Scope } from './scope.ts';
