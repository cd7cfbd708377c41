/** What the kernel's stall detection had to go by, per grace period: the ticks that could have noticed (R2.41), and its warning. */
import { type EventCursor, fieldsOf } from '../../../../schema/index.ts';
import type { RcuFlavor } from './flavor.ts';

const WARNING = fieldsOf('rcu_stall_warning');

/** Enough for 305 s, the longest timeout, at the spacing below. */
const TICKS_KEPT = 1 << 18;
/** On many CPUs one tick per millisecond decides as well as all; of old grace periods one per four. */
const TICK_SPACING_NS = 1e6;
const MANY_CPUS = 5;
const OLD_STALL_NS = 3e10;

/** Only a tick can notice a stall. @param floorNs age of a grace period from which one may */
export function noteTick(
  flavor: RcuFlavor,
  floorNs: number,
  cpus: number,
  cpu: number,
  nowNs: number,
  event: number,
): void {
  const { gp } = flavor;
  if (!gp || nowNs - gp.startNs < floorNs || gp.ticks.length >= TICKS_KEPT) return;
  const qsPending = flavor.pending.has(cpu);
  const old = nowNs - gp.startNs >= OLD_STALL_NS;
  const last = flavor.lastTick[qsPending ? 1 : 0];
  const spacingNs = TICK_SPACING_NS * (old ? 4 : 1);
  if ((old || cpus >= MANY_CPUS) && last?.gp === gp && nowNs - last.ns < spacingNs) return;
  flavor.lastTick[qsPending ? 1 : 0] = { gp, cpu, ns: nowNs };
  gp.ticks.push({ cpu, ns: nowNs, event, qsPending });
}

/** rcu_stall_warning: the first one of a grace period counts. */
export function noteWarning(flavor: RcuFlavor, event: EventCursor): void {
  const how = event.text(WARNING.msg);
  const gp = how === 'ExpeditedStall' ? flavor.expedited : flavor.gp;
  if (!gp || gp.warnedNs !== undefined) return;
  gp.warnedNs = event.tsNs;
  gp.warnedEvent = event.eventId;
  if (how === 'ExpeditedStall') return;
  gp.warnedCpu = event.cpu;
  gp.warnedSelf = how === 'SelfDetected';
}
