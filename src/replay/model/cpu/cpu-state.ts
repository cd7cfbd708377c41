/** What a CPU is doing, and how much time each kind of work took. */

/** Kinds of CPU time, as indexes into {@link Occupancy}. */
export const OCC_IDLE = 0;
export const OCC_TASK = 1;
export const OCC_SOFTIRQ = 2;
export const OCC_HARDIRQ = 3;
export const OCC_NMI = 4;
/** Inside a gap of lost events. */
export const OCC_UNKNOWN = 5;
export const OCC_KINDS = 6;

/** Cumulative nanoseconds by kind. */
export type Occupancy = Float64Array;

export type InterruptKind = 'nmi' | 'hardirq' | 'softirq';

/** How interrupt time is known: from events, from the contexts of records, from samples, from the switches of a thread. */
export type BusySource = 'events' | 'contexts' | 'samples' | 'thread';

/** What a CPU tells those who listen. */
export interface CpuListener {
  /** A finished interrupt span, after accounting, with the name of its handler. `continues`: a further handler of the same interrupt. */
  onInterrupt?(
    kind: InterruptKind,
    cpu: number,
    startNs: number,
    endNs: number,
    name: string,
    continues: boolean,
  ): void;
  /** Time that is booked to interrupts: exclusive, in order of time on each CPU. */
  onBusy?(
    kind: InterruptKind,
    cpu: number,
    startNs: number,
    endNs: number,
    startEvent: number,
    endEvent: number,
    source: BusySource,
  ): void;
  /** A scheduler tick. */
  onTick?(cpu: number, nowNs: number, eventId: number): void;
  /** The CPU enters an extended quiescent state: idle, or user mode without ticks. */
  onQuiescent?(cpu: number, nowNs: number, eventId: number): void;
  /** It leaves that state, an interrupt in idle included where `rcu_watching` is recorded. */
  onWatching?(cpu: number): void;
}

/** No record of the CPU has shown its task, or events were lost since. */
export const TID_UNKNOWN = -1;

/** An interrupt whose entry was seen before any exit of its kind: it may have none. */
export interface UnprovenInterrupt {
  readonly kind: 'hardirq' | 'softirq';
  readonly name: string;
  /** Of its events. */
  readonly pair: string;
  /** Of a softirq. */
  readonly vec: number;
  readonly sinceNs: number;
  readonly event: number;
  /** Time of what it interrupted when it began. */
  readonly spentNs: number;
  /** Exits of its kind were missing before: no context until one comes. */
  readonly doubtful: boolean;
}

export class CpuState {
  readonly cpu: number;
  /** Task on the CPU. */
  tid = TID_UNKNOWN;
  /** Task that ran when events began to be lost. */
  tidAtGap = TID_UNKNOWN;
  comm = 0;
  /** Time up to which `occupancy` is accounted, and the record that brought it there. */
  accountedNs = -1;
  accountedEvent = 0;
  readonly occupancy: Occupancy = new Float64Array(OCC_KINDS);
  /** Open hardirq handlers and vectors. */
  hardirqDepth = 0;
  hardirqSinceNs = 0;
  hardirqName = '';
  softirqDepth = 0;
  /** Outermost first. */
  unproven: UnprovenInterrupt[] = [];
  /** Handlers of the NMI that ran last, in the order in which nmi_handle() calls them. */
  nmiHandlers: string[] = [];
  softirqSinceNs = 0;
  softirqVec = 0;
  /** The first record; its event is 0 before. */
  firstEventNs = 0;
  firstEvent = 0;
  /** The last record. */
  lastEventNs = 0;
  lastEvent = 0;
  flags = 0;
  /** Its context bits, from its flags or else from its stack; 0 when neither tells. */
  context = 0;
  /** Since when the records followed each other inside interrupts, as their contexts tell; −1 = they do not. */
  interruptedSinceNs = -1;
  interruptedKind = 0;
  /** Last sample of a profiler, how many there were, and how far apart they come. */
  sampleNs = -1;
  samples = 0;
  samplePeriodNs = 0;
  /** After a gap, until the next record of the CPU, nothing is known of what ran. */
  inGap = false;
  lastTickNs = -1;
  /** Scheduler ticks seen. */
  ticks = 0;
  /** Hardware interrupts seen, those of the timer included. */
  interrupts = 0;
  /** The tick is stopped although a task runs (nohz_full). */
  tickless = false;
  lastSwitchNs = -1;
  /** The last context switch, the task that left, and the number of the record. */
  switchEvent = 0;
  switchedOutTid = TID_UNKNOWN;
  switchRecord = 0;
  /** Records seen on this CPU: a kernel_stack record belongs to the record right before it on its CPU (E0.8). */
  records = 0;
  /** Of them those in task context, and the number of the last one. */
  taskRecords = 0;
  taskRecord = 0;
  /** Number of context switches seen. */
  switches = 0;
  /** RCU watches the CPU (E1.4); undefined until an event tells. */
  watching: boolean | undefined;
  /** The event that showed the extended quiescent state, or the idle task. */
  quiescentEvent = 0;

  constructor(cpu: number) {
    this.cpu = cpu;
  }

  /** In a handler, as far as entries and exits tell. */
  get inHardirq(): boolean {
    return this.hardirqDepth > 0 || this.#unproven('hardirq');
  }

  get inSoftirq(): boolean {
    return this.softirqDepth > 0 || this.#unproven('softirq');
  }

  #unproven(kind: UnprovenInterrupt['kind']): boolean {
    return this.unproven.length > 0 && this.unproven.some((open) => open.kind === kind && !open.doubtful);
  }
}
