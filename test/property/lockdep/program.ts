/**
 * Random lock programs, and what each leaves behind in a trace: locks of every kind, taken and left in any order, in task, softirq
 * and hardirq context, with interrupts and bottom halves on and off. A program is drawn from a seed alone, so that a failure is one number.
 */
import { type LockdepReference, type ReferenceAcquisition, type ReferenceTask, WAIT } from './reference.ts';

/** What the kernel source says of a lock and no event shows; the name is one that tells the analyser the same, where it can know. */
export interface ProgramClass {
  readonly name: string;
  readonly kind: 'spin' | 'rwlock' | 'mutex' | 'rwsem' | 'local' | 'rcu' | 'map';
  readonly inner: number;
  readonly outer: number;
  readonly instances: number;
}

const lock = (name: string, kind: ProgramClass['kind'], inner: number, instances = 1, outer = 0): ProgramClass => ({
  name,
  kind,
  inner,
  outer,
  instances,
});

const CLASSES: readonly ProgramClass[] = [
  lock('&a->lock', 'spin', WAIT.config),
  lock('&b->lock', 'spin', WAIT.config, 2),
  lock('&pool->lock', 'spin', WAIT.spin),
  lock('&c->rwlock', 'rwlock', WAIT.config),
  lock('&d->rwlock', 'rwlock', WAIT.config, 2),
  lock('&e->rwlock', 'rwlock', WAIT.config),
  lock('event_mutex', 'mutex', WAIT.sleep),
  lock('&mm->mmap_lock', 'rwsem', WAIT.sleep),
  lock('stock_lock', 'local', WAIT.config),
  lock('rcu_read_lock', 'rcu', WAIT.config, 1, WAIT.free),
  lock('fs_reclaim', 'map', WAIT.none),
];

export interface Operation {
  readonly op: 'acquire' | 'release' | 'irqs-on' | 'irqs-off' | 'bh-on' | 'bh-off' | 'enter' | 'exit';
  readonly task: number;
  readonly cls: ProgramClass | undefined;
  readonly instance: number;
  readonly read: boolean;
  readonly trylock: boolean;
  /** The latrace columns at the operation. */
  readonly flags: string;
  readonly hardirq: boolean;
  readonly softirq: boolean;
  readonly irqsOn: boolean;
  readonly bhOff: boolean;
}

/** A small generator of its own (mulberry32): the same program from the same seed everywhere. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface HeldNow {
  readonly cls: ProgramClass;
  readonly instance: number;
  readonly read: boolean;
  readonly level: number;
}

interface Level {
  readonly kind: 'task' | 'softirq' | 'hardirq';
  irqsOn: boolean;
  bhOff: number;
}

/** One task on a CPU of its own. */
class Player {
  readonly held: HeldNow[] = [];
  readonly levels: Level[] = [{ kind: 'task', irqsOn: true, bhOff: 0 }];
  readonly task: number;
  readonly #program: Operation[];

  constructor(task: number, program: Operation[]) {
    this.task = task;
    this.#program = program;
  }

  get level(): Level {
    return this.levels[this.levels.length - 1];
  }

  /** Held with preemption off. */
  get depth(): number {
    return this.held.filter(({ cls }) => cls.kind === 'spin' || cls.kind === 'rwlock' || cls.kind === 'local').length;
  }

  put(op: Operation['op'], more: Partial<Operation> = {}, own = 0): void {
    const { irqsOn } = this.level;
    const hardirq = this.level.kind === 'hardirq';
    const softirq = this.levels.some(({ kind }) => kind === 'softirq');
    const bhOff = this.levels.some((level) => level.bhOff > 0);
    const first = irqsOn ? (bhOff ? 'b' : '.') : bhOff ? 'D' : 'd';
    const third = hardirq ? (softirq ? 'H' : 'h') : softirq ? 's' : '.';
    const depth = this.depth + own;
    const flags = `${first}.${third}${depth > 0 ? depth.toString(16) : '.'}.`;
    this.#program.push({
      op,
      task: this.task,
      cls: undefined,
      instance: 0,
      read: false,
      trylock: false,
      flags,
      hardirq,
      softirq,
      irqsOn,
      bhOff,
      ...more,
    });
  }

  acquire(cls: ProgramClass, index: number, read: boolean, trylock: boolean): void {
    const instance = CLASSES.indexOf(cls) * 16 + index + 1;
    const same = this.held.filter((entry) => entry.instance === instance);
    // What would never return is no program; readers may come again.
    if (same.some((entry) => !(entry.read && read)) || (same.length > 0 && trylock)) return;
    // A dozen acquisitions before the first release look like a recorder that starts its events one by one.
    if (this.held.length >= 10) return;
    // A rwsem reader in an interrupt: lockdep takes it as read=1 when it comes and as a recursive one later (IN-*-R), so its verdict
    // depends on the order. It is an invalid wait context anyway.
    if (cls.kind === 'rwsem' && read && this.levels.length > 1) return;
    this.put(
      'acquire',
      { cls, instance, read, trylock },
      cls.kind === 'rwsem' || cls.kind === 'rcu' || cls.kind === 'map' ? 0 : 1,
    );
    this.held.push({ cls, instance, read, level: this.levels.length });
  }

  release(pick: number): void {
    const here = this.held.flatMap((entry, i) => (entry.level === this.levels.length ? [i] : []));
    if (here.length > 0) this.#releaseAt(here[pick % here.length]);
  }

  #releaseAt(index: number): void {
    const { cls, instance } = this.held[index];
    // Of one instance read twice the newest goes first, as lockdep finds it.
    const newest = this.held.findLastIndex((entry) => entry.instance === instance);
    this.put('release', { cls, instance });
    this.held.splice(newest, 1);
  }

  /** An interrupt leaves all that it took. */
  leave(): void {
    if (this.levels.length === 1) return;
    while (this.held.at(-1)?.level === this.levels.length) this.#releaseAt(this.held.length - 1);
    this.put('exit');
    this.levels.pop();
  }

  enter(kind: 'softirq' | 'hardirq'): void {
    const { level } = this;
    if (level.kind === 'hardirq' || !level.irqsOn) return;
    if (kind === 'softirq' && (level.kind === 'softirq' || level.bhOff > 0)) return;
    this.levels.push({ kind, irqsOn: kind === 'softirq', bhOff: 0 });
    this.put('enter');
  }

  irqs(on: boolean): void {
    const { level } = this;
    if (level.kind === 'hardirq' || level.irqsOn === on) return;
    // irq_enable is recorded right before they go on.
    if (on) this.put('irqs-on');
    level.irqsOn = on;
    if (!on) this.put('irqs-off');
  }

  bh(on: boolean): void {
    const { level } = this;
    if (level.kind === 'hardirq' || !level.irqsOn || on === (level.bhOff === 0)) return;
    level.bhOff += on ? -1 : 1;
    if (!on) {
      this.put('bh-off');
      return;
    }
    // __local_bh_enable_ip() turns them on with hardirqs off and turns those on again.
    level.irqsOn = false;
    this.put('bh-on');
    level.irqsOn = true;
  }
}

export function programFrom(seed: number): Operation[] {
  const random = randomFrom(seed);
  const program: Operation[] = [];
  const players = Array.from({ length: 1 + random(3) }, (_, i) => new Player(i + 1, program));
  // Few locks per program: they meet.
  const pool = Array.from({ length: 2 + random(4) }, () => CLASSES[random(CLASSES.length)]);
  const length = 6 + random(50);
  for (let i = 0; i < length; i++) {
    const player = players[random(players.length)];
    const what = random(20);
    if (what < 9) {
      const cls = pool[random(pool.length)];
      const reads = cls.kind === 'rcu' || ((cls.kind === 'rwlock' || cls.kind === 'rwsem') && random(2) === 0);
      const tries = random(5) === 0 && cls.kind !== 'rcu' && cls.kind !== 'map' && cls.kind !== 'local';
      player.acquire(cls, random(cls.instances), reads, tries);
    } else if (what < 14) player.release(random(8));
    else if (what === 14) player.irqs(false);
    else if (what === 15) player.irqs(true);
    else if (what === 16) player.bh(random(2) === 0);
    else if (what === 17) player.enter('hardirq');
    else if (what === 18) player.enter('softirq');
    else player.leave();
  }
  for (const player of players) {
    while (player.levels.length > 1) player.leave();
    player.irqs(true);
    player.bh(true);
    while (player.held.length > 0) player.release(player.held.length - 1);
  }
  return program;
}

/** What an ftrace recording of it holds. Without irq_enable events the flags of the next event must do. */
export function traceOf(
  program: readonly Operation[],
  options: { readonly irqEnable: boolean; readonly lockStat: boolean },
): string {
  const lines = ['# tracer: nop', '#', '# entries-in-buffer/entries-written: 0/0   #P:4', '#'];
  let us = 1_000_000;
  const put = ({ task, flags }: Operation, payload: string): void => {
    us += 3;
    const time = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
    lines.push(`          t${task}-${task}       [00${task}] ${flags}     ${time}: ${payload}`);
  };
  for (const operation of program) {
    const { op, cls, instance, read, trylock } = operation;
    const address = `ffff8880${(0x1000000 + instance * 64).toString(16).padStart(8, '0')}`;
    if (op === 'acquire' && cls) {
      put(operation, `lock_acquire: ${address} ${trylock ? 'try ' : ''}${read ? 'read ' : ''}${cls.name}`);
      if (options.lockStat && cls.kind !== 'rcu' && cls.kind !== 'map' && cls.kind !== 'local')
        put(operation, `lock_acquired: ${address} ${cls.name}`);
    } else if (op === 'release' && cls) put(operation, `lock_release: ${address} ${cls.name}`);
    else if ((op === 'irqs-on' || op === 'bh-on') && options.irqEnable)
      put(operation, 'irq_enable: caller=f+0x1/0x2 parent=g+0x1/0x2');
  }
  return `${lines.join('\n')}\n`;
}

/** Runs it under lockdep's rules. */
export function runReference(program: readonly Operation[], lockdep: LockdepReference): LockdepReference {
  const tasks = new Map<number, ReferenceTask>();
  for (const [at, operation] of program.entries()) {
    let task = tasks.get(operation.task);
    if (task === undefined) {
      task = { held: [], hardirqContext: false, softirqContext: false, hardirqsOn: true, softirqsOn: true };
      tasks.set(operation.task, task);
    }
    task.hardirqContext = operation.hardirq;
    task.softirqContext = operation.softirq;
    switch (operation.op) {
      case 'acquire':
        task.hardirqsOn = operation.irqsOn;
        task.softirqsOn = !operation.bhOff && !operation.softirq;
        lockdep.acquire(at, task, acquisitionOf(operation));
        break;
      case 'release':
        lockdep.release(at, task, operation.instance, operation.cls?.name ?? '');
        break;
      case 'irqs-on':
        task.softirqsOn = !operation.bhOff && !operation.softirq;
        lockdep.hardirqsOn(at, task);
        break;
      case 'bh-on':
        // softirqs first, then hardirqs: the same marks twice.
        task.softirqsOn = !operation.softirq;
        lockdep.hardirqsOn(at, task);
        break;
      default:
        break;
    }
  }
  return lockdep;
}

function acquisitionOf({ cls, instance, read, trylock, hardirq, softirq, bhOff }: Operation): ReferenceAcquisition {
  const { name, kind, inner, outer } = cls as ProgramClass;
  // read_lock_is_recursive(): queued rwlocks are fair but in interrupts, bottom halves off included (in_interrupt()).
  const recursive = kind === 'rcu' || (kind === 'rwlock' && (hardirq || softirq || bhOff));
  return {
    cls: { name, perCpu: kind === 'local', inner, outer },
    instance,
    read: read ? (recursive ? 2 : 1) : 0,
    trylock,
    check: kind !== 'rcu',
  };
}
