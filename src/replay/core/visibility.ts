/** What of interrupt load a capture can show: verdicts must not take "not recorded" for "did not happen". */

/** Of the capture as a whole. */
export interface Visibility {
  /** Context switches are recorded: without them a task that was woken looks as if it never got a CPU. */
  readonly switches: boolean;
  /** nmi:nmi_handler is among the recorded events, and the first of them. */
  readonly nmi: boolean;
  readonly nmiEvent: number;
  /** First event that shows interrupts of a kind. */
  readonly interruptEvents: readonly (readonly [kind: string, event: number])[];
  /** Interrupt time is known from contexts of records or by samples, too. */
  readonly fromRecords: boolean;
  /** Scheduler ticks are among them, how far apart they come on a CPU that takes them, ns, and the events that tell. */
  readonly tickNs: number | undefined;
  readonly firstTickEvent: number;
  readonly lastTickEvent: number;
}
