/**
 * Calls of functions that the models know, from whatever shows them: kprobes and fprobes (entry, return, arguments), the function tracer
 * (entry and caller) and the function_graph tracer (entry and exit) (MODEL 1.8, E1.9). An inlined function shows up in none of them:
 * its absence proves nothing.
 */
import {
  type EventCursor,
  type EventType,
  type FieldPosition,
  fieldsOf,
  knownName,
  kprobeFields,
  kretprobeFields,
  positionWhere,
} from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { type ProbeRole, roleOfFunction, SSP_ARGUMENT } from '../../knowledge/probe-roles.ts';

const FUNCTION = fieldsOf('function');
const GRAPH = fieldsOf('funcgraph_entry', 'funcgraph_exit');

export interface FunctionCall {
  readonly role: ProbeRole;
  readonly returns: boolean;
  /** Identity of its srcu_struct: a symbol, `srcu_struct 0xffff…`, or '' when the tracer shows no arguments. */
  readonly ssp: string;
  /** Function tracer only: who calls it. */
  readonly caller: string;
}

export type CallListener = (call: FunctionCall, event: EventCursor) => void;

export class FunctionCallModel implements Model {
  readonly #world: World;
  readonly listeners: CallListener[] = [];
  /** By string id of the function's name; null = of no interest. */
  readonly #roles: (ProbeRole | null | undefined)[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.shape === 'kprobe' || type.shape === 'kretprobe') return this.#subscribeProbe(type);
    if (type.system !== 'ftrace') return undefined;
    const name = knownName(type);
    switch (name) {
      case 'function':
        return (event) => {
          const role = this.#roleOf(event.str(FUNCTION.ip));
          if (role) this.#tell(role, false, '', event.text(FUNCTION.parent_ip), event);
        };
      case 'funcgraph_entry':
      case 'funcgraph_exit': {
        const returns = name === 'funcgraph_exit';
        return (event) => {
          const role = this.#roleOf(event.str(GRAPH.func));
          if (role) this.#tell(role, returns, '', '', event);
        };
      }
      default:
        return undefined;
    }
  }

  /** Which function is probed is in the event when the capture has symbols, else in the probe's name. */
  #subscribeProbe(type: EventType): EventHandler {
    const returns = type.shape === 'kretprobe';
    const { func } = returns ? kretprobeFields : kprobeFields;
    const sspField = positionWhere(type, (name) => SSP_ARGUMENT.test(name));
    const byName = roleOfFunction(type.name);
    return (event) => {
      const role = this.#roleOf(event.str(func)) ?? byName;
      if (!role) return;
      const ssp = role.ssp && sspField !== undefined ? this.#srcuStruct(event, sspField) : '';
      this.#tell(role, returns, ssp, '', event);
    };
  }

  #roleOf(symbol: number): ProbeRole | undefined {
    if (symbol === 0) return undefined;
    let role = this.#roles[symbol];
    if (role === undefined) {
      role = roleOfFunction(this.#world.dictionary.string(symbol)) ?? null;
      this.#roles[symbol] = role;
    }
    return role ?? undefined;
  }

  #tell(role: ProbeRole, returns: boolean, ssp: string, caller: string, event: EventCursor): void {
    const call: FunctionCall = { role, returns, ssp, caller };
    for (const listener of this.listeners) listener(call, event);
  }

  /** `tracepoint_srcu` when the probe printed a symbol, else `srcu_struct 0xffff…`. */
  #srcuStruct(event: EventCursor, field: FieldPosition<never>): string {
    const id = event.str(field);
    if (id) return this.#world.dictionary.string(id).replace(/\+0x0\b.*$/, '');
    const address = BigInt.asUintN(64, event.bigint(field));
    return address === 0n ? '' : `srcu_struct 0x${address.toString(16)}`;
  }
}
