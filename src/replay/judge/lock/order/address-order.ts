/**
 * Opposite orders of addresses within one class name: lists of like objects, rt_mutexes (all named by the function that initialises them).
 * lockdep knows classes only and cannot see it; addresses prove it (MODEL L5.11).
 */

import type { Finding } from '../../../../../schema/index.ts';
import { note, notesOf } from '../../../core/note.ts';
import type { LockInstance } from '../../../model/lock/class.ts';
import { addressText } from '../../../model/lock/class.ts';
import { DEP_EN, DEP_SN } from '../../../model/lock/order/graph.ts';
import type { AddressOrder } from '../../../model/lock/order/same-class.ts';
import type { LockRecord } from '../../../record/lock-record.ts';
import { identified } from '../../finding-id.ts';
import { eventEvidence, siteText, taskLabel } from '../evidence.ts';
import { type Cycle, minimalCycles, type OrderEdge } from './cycles.ts';

interface AddressEdge extends OrderEdge {
  readonly order: AddressOrder;
}

/** Kernel image and modules of 64-bit kernels: what lies there is never freed and reused as another object. */
const STATIC_FROM = 0xffffffff80000000n;
const isStatic = (instance: LockInstance): boolean => BigInt.asUintN(64, BigInt(instance)) >= STATIC_FROM;

/** One finding per class: the shortest cycle of addresses. */
export function judgeAddressOrders(evidence: LockRecord): Finding[] {
  const byClass = new Map<number, AddressOrder[]>();
  for (const order of evidence.addressOrders) {
    // Where the kernel annotates, it has a rule for the order, which objects may change over time.
    if (evidence.classes[order.classId].rule.nests) continue;
    const list = byClass.get(order.classId);
    if (list) list.push(order);
    else byClass.set(order.classId, [order]);
  }
  return [...byClass.values()].flatMap((orders) => {
    const [cycle, ...more] = minimalCycles(edgesOf(orders));
    return cycle ? [finding(evidence, cycle, more.length)] : [];
  });
}

function edgesOf(orders: readonly AddressOrder[]): AddressEdge[] {
  const numbers = new Map<LockInstance, number>();
  const number = (instance: LockInstance): number => {
    const known = numbers.get(instance) ?? numbers.size;
    numbers.set(instance, known);
    return known;
  };
  return orders.map((order) => ({
    order,
    from: number(order.from),
    to: number(order.to),
    // Two readers may wait for each other only where a writer waits for one of them: that is not known here.
    dep: order.fromRead ? (order.toRead ? 0 : DEP_SN) : DEP_EN,
  }));
}

function finding(evidence: LockRecord, cycle: Cycle<AddressEdge>, more: number): Finding {
  const orders = cycle.map(({ order }) => order);
  const { name } = evidence.classes[orders[0].classId];
  const guards = orders.reduce<readonly LockInstance[]>(
    (common, { guards }) => common.filter((guard) => guards.includes(guard)),
    orders[0].guards,
  );
  const lasting = orders.every(({ from }) => isStatic(from));
  const tasks = new Set(orders.map(({ taskKey }) => taskKey));
  const certain = lasting && guards.length === 0;
  const addresses = orders.map(({ from }) => addressText(from));
  return identified({
    kind: 'lock-inversion',
    severity: certain ? 'error' : 'warning',
    confidence: certain ? 'observed' : 'inferred',
    title: `${orders.length} locks named ${name} are taken in opposite order: ${[...addresses, addresses[0]].join(' → ')}`,
    start_ns: Math.min(...orders.map(({ tsNs }) => tsNs)),
    end_ns: Math.max(...orders.map(({ tsNs }) => tsNs)),
    evidence: orders.flatMap((order) => {
      const task = taskLabel(evidence, order.taskKey, order.comm);
      return [
        ...eventEvidence(order.heldEvent, `${task} acquires ${name} ${addressText(order.from)}`),
        ...eventEvidence(
          order.acquireEvent,
          `${task} acquires ${name} ${addressText(order.to)} while it holds ${addressText(order.from)}${siteText(evidence, order.stack)}`,
        ),
      ];
    }),
    notes: notesOf([
      note(
        'the addresses prove it; lockdep cannot see it: to it they are one class, where nesting with an annotation is legal in any order',
        'L5.11',
      ),
      ...(guards.length > 0
        ? [`feasible: no: ${guards.map(addressText).join(', ')} is held exclusively every time`]
        : []),
      ...(guards.length === 0 && tasks.size === 1
        ? ['feasible: unknown: in this run one task takes them both ways']
        : []),
      ...(guards.length === 0 && tasks.size > 1
        ? [`feasible: unknown: ${tasks.size} tasks take them; nothing in common was held that keeps them apart`]
        : []),
      ...(lasting
        ? []
        : ['the locks are in allocated memory: an address may have been freed and taken by another object in between']),
      ...(more > 0 ? [`${more} more cycles of addresses of this name`] : []),
    ]),
    locks: orders.map(() => name),
    feasible: guards.length > 0 ? 'no' : 'unknown',
  });
}
