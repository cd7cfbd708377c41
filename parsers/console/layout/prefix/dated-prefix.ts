/**
 * Prefixes of loggers, as text: dates with and without hosts and severities (syslog, journal, RFC 5424, continuous-integration logs), logcat,
 * kmsg records bare and behind syslog, `dmesg -x`, `dmesg -H`, the journal's `MESSAGE=`.
 */
import { WallClock } from './wall-clock.ts';

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];

/** dmesg -x: `kern  :info  : ` */
const DECODED =
  /^(?:kern|user|mail|daemon|auth|syslog|lpr|news|local\d) *:(emerg|alert|crit|err|warn|notice|info|debug) *: /;
/** /dev/kmsg and netconsole: `6,1234,12345678,-,caller=T1;text`, with the release in front (`6.4.0,6,1234,…`). */
const KMSG = /^(?:\d+\.\d+[^\s,;]*,)?(\d{1,3}),(\d{1,20}),(\d{1,16}),[-c+]([^;]{0,100});/;
/** dmesg -H, -dt: `[  +0.000105] `, `[  +0,000105] ` in other languages, `[<    0.000105>] ` */
const DELTA = /^\[(?:<? *\+?)(\d{1,9})[.,](\d{6})>?\] ?/;
/** Behind the date of logcat: ` pid tid priority tag: `. */
const LOGCAT = /^ +(?:\w{1,16} +)?(\d{1,10}) +\d{1,10} [VDIWEFAS] ([^:]{0,40}?) *: ?/;
const LOGCAT_BRIEF = /^[VDIWEFAS]\/([^(:]{0,40})\( *(\d{1,10})\): /;
/** Behind the date of a GitLab job: ` 00O text`, ` 01E+text`. */
const GITLAB = /^ ?\d\d[OE][ +] ?/;
/** RFC 5424 behind its date: ` host app procid msgid structured-data `. */
const STRUCTURED = /^ \S+ (\S+) \S+ \S+ (?:-|(?:\[[^\]]*\])+) ?(?:\u00ef\u00bb\u00bf)?/;
/** Length of the version of RFC 5424, `1 `. */
const VERSION = 2;
/** Up to three words of host, facility or severity, then the kernel. */
const FROM_KERNEL = /^ ?(?:[^\s]{0,63}[^\s:] ){0,3}kernel(?:\[\d{1,10}\])?: ?/;
/** ` host sshd[812]: `. */
const FROM_PROGRAM = /^ ?(\S{1,64}) ([^\s:[\]]{1,48})\[\d{1,10}\]: ?/;

/** The prefix of the text last given to {@link parse}. */
export class DatedPrefix {
  hasDate = false;
  dateSeconds = 0;
  dateNanos = 0;
  level = -1;
  /** Of a kmsg record, ns; −1 otherwise. */
  stampNs = -1;
  callerTid = -1;
  callerCpu = -1;
  fragmentAt = 0;
  /** The record came in pieces. */
  isFragment = false;
  /** logd cuts a line at its first colon: what stood before it belongs to the text (`task    : worker …` was `task:worker …`). */
  tag = '';
  kernel = true;
  fromKernel = false;
  /** Index behind the prefix. */
  end = 0;

  readonly #clock = new WallClock();
  /** Sum of the distances that `dmesg -H` prints, since its last date. */
  #sinceSeconds = 0;
  #sinceNanos = 0;

  /** Whether the text begins with a prefix. */
  parse(text: string): boolean {
    this.hasDate = false;
    this.level = -1;
    this.stampNs = -1;
    this.callerTid = -1;
    this.callerCpu = -1;
    this.fragmentAt = 0;
    this.isFragment = false;
    this.tag = '';
    this.kernel = true;
    this.fromKernel = false;
    this.end = 0;
    let i = 0;
    const decoded = DECODED.exec(text);
    if (decoded) {
      this.level = LEVELS.indexOf(decoded[1]);
      this.fromKernel = true;
      i = decoded[0].length;
    }
    if (this.#kmsg(text, i)) return true;
    const delta = DELTA.exec(text);
    if (delta) return this.#delta(delta);
    const brief = LOGCAT_BRIEF.exec(text);
    if (brief) return this.#tagged(brief[1], brief[2], brief[0].length);
    // RFC 5424 begins with its version, 1.
    if (/^1 \d{4}-/.test(text)) i = VERSION;
    const bracketed = text.charCodeAt(i) === 0x5b;
    if (this.#clock.parse(text.slice(bracketed ? i + 1 : i))) this.#afterDate(text, i, bracketed);
    else if (text.startsWith('kernel:', i)) {
      this.fromKernel = true;
      this.end = i + (text.charCodeAt(i + 7) === 0x20 ? 8 : 7);
    } else this.end = i;
    return this.end > 0;
  }

  /** ` host kernel: `, ` kernel: `, ` host sshd[812]: `: index behind it. The identifier of a user program stays in the text. */
  identifier(text: string, from: number): number | undefined {
    const rest = from === 0 ? text : text.slice(from);
    const kernel = FROM_KERNEL.exec(rest);
    this.kernel = true;
    if (kernel) {
      this.fromKernel = true;
      return from + kernel[0].length;
    }
    const program = FROM_PROGRAM.exec(rest);
    if (!program) return undefined;
    this.kernel = false;
    return from + rest.indexOf(program[2], 1 + program[1].length);
  }

  #kmsg(text: string, from: number): boolean {
    const record = KMSG.exec(from === 0 ? text : text.slice(from));
    if (!record) return false;
    this.level = Number(record[1]) & 7;
    this.stampNs = Number(record[3]) * 1000;
    const caller = /,caller=([TC])(\d{1,10})/.exec(record[4]);
    if (caller?.[1] === 'T') this.callerTid = Number(caller[2]);
    else if (caller) this.callerCpu = Number(caller[2]);
    const fragment = /,ncfrag=(\d{1,6})\//.exec(record[4]);
    this.isFragment = fragment !== null;
    this.fragmentAt = Number(fragment?.[1] ?? 0);
    this.fromKernel = true;
    this.end = from + record[0].length;
    return true;
  }

  #delta(match: RegExpExecArray): boolean {
    this.#sinceSeconds += Number(match[1]);
    this.#sinceNanos += Number(match[2]) * 1000;
    this.#sinceSeconds += Math.floor(this.#sinceNanos / 1e9);
    this.#sinceNanos %= 1e9;
    this.#date(this.#sinceSeconds, this.#sinceNanos);
    this.fromKernel = true;
    this.end = match[0].length;
    return true;
  }

  #date(seconds: number, nanos: number): void {
    this.hasDate = true;
    this.dateSeconds = seconds;
    this.dateNanos = nanos;
  }

  /** Lines of the kernel have process 0. */
  #tagged(tag: string, pid: string, behind: number): boolean {
    this.tag = /^kernel$/i.test(tag.trim()) ? '' : tag.trim();
    this.kernel = Number(pid) === 0 || this.tag === '';
    this.fromKernel = this.kernel;
    this.end = behind;
    return true;
  }

  #afterDate(text: string, from: number, bracketed: boolean): void {
    const clock = this.#clock;
    this.#date(clock.seconds, clock.nanos);
    let i = from + clock.end;
    if (bracketed) {
      const close = text.indexOf(']', i);
      // `dmesg -dT` adds `<    0.000123>`.
      if (close >= 0 && close - i < 24) i = close + 1;
      if (clock.withoutSeconds) this.#human();
      // `@3`, the CPU, behind the date of some boards.
      const cpu = /^@\d{1,3}/.exec(text.slice(i, i + 5));
      if (cpu) i += cpu[0].length;
      this.end = text.startsWith(' ', i) && !FROM_KERNEL.test(text.slice(i)) ? i + 1 : (this.identifier(text, i) ?? i);
      return;
    }
    const rest = text.slice(i);
    const structured = STRUCTURED.exec(rest);
    if (from === VERSION && structured) {
      this.kernel = structured[1] === 'kernel';
      this.fromKernel = this.kernel;
      this.end = i + structured[0].length;
      return;
    }
    const logcat = LOGCAT.exec(rest);
    if (logcat) {
      this.#tagged(logcat[2], logcat[1], i + logcat[0].length);
      return;
    }
    const job = GITLAB.exec(rest);
    if (job) {
      this.end = i + job[0].length;
      return;
    }
    if (rest.charCodeAt(0) === 0x2c) {
      this.end = i;
      return;
    }
    const named = this.identifier(text, i);
    if (named !== undefined) {
      this.end = named;
      return;
    }
    // A kmsg record behind syslog: ` host 6,1234,12345678,-;text`.
    const host = /^ (?:\S{1,64} )?(?=\d{1,3},\d|\d+\.\d+[^\s,;]*,\d)/.exec(rest);
    if (host && this.#kmsg(text, i + host[0].length)) return;
    this.end = rest.charCodeAt(0) === 0x20 ? i + 1 : i;
  }

  /** The date of `dmesg -H` has no seconds: the distances since the last one have counted them. */
  #human(): void {
    if (this.dateSeconds > this.#sinceSeconds || this.#sinceSeconds - this.dateSeconds > 120) {
      this.#sinceSeconds = this.dateSeconds;
      this.#sinceNanos = 0;
    }
    this.#date(this.#sinceSeconds, this.#sinceNanos);
  }
}
