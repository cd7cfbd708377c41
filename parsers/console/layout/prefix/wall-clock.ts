/** Dates in front of log lines: syslog, ISO 8601, journal, `dmesg -T` and logcat forms, as seconds and nanoseconds. */
import { monthOf } from './month-names.ts';

const TIME = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?`;

/** `2025-05-12T22:29:47.022594+02:00`, `2024-07-03 16:39:34`, `2024/07/03 16:39:34`, `2024:07:03 16:39:34` */
const ISO = new RegExp(String.raw`^(\d{4})[-/:](\d\d)[-/:](\d\d)[T ]${TIME}(?: ?(Z|[+-]\d\d):?(\d\d)?)?`);
/** `20240703_16:39:34.123` */
const COMPACT = new RegExp(String.raw`^(\d{4})(\d\d)(\d\d)_${TIME}`);
/** logcat: `05-28 12:24:00.123` */
const MONTH_DAY = new RegExp(String.raw`^(\d\d)-(\d\d) ${TIME}(?= )`);
/** `16:39:34.123456 `, as continuous-integration logs write. */
const CLOCK = new RegExp(String.raw`^${TIME}(?=[\s\]])`);
const UNIX = /^(\d{9,10})\.(\d{6})(?=[ \]])/;
/** `Mar  5 08:31:52`, `déc. 14 06:35:48.545442`, `12月 14 06:35:48`, `Wed Jul  3 16:39:34 2024`, `Jul 3 16:39` */
const NAMED = new RegExp(
  String.raw`^(?:([^\s\d]{2,12}) )?(\d{0,2}[^\s\d]{2,16}) {1,2}(\d{1,2})\.? ${TIME}(?: [A-Z]{3,5}(?= \d{4}))?(?: (\d{4})(?=\]| |$))?`,
);

/** What a date said; {@link WallClock.parse} fills it. */
export class WallClock {
  /** Seconds since 1970 in the log's own time zone unless it names one; a date without a year is taken in {@link yearlessYear}. */
  seconds = 0;
  /** Nanoseconds within the second. */
  nanos = 0;
  /** The date has minutes only (`dmesg -H`). */
  withoutSeconds = false;
  /** Index behind the date. */
  end = 0;

  /** Reads a date at the beginning of `text` (latin1). */
  parse(text: string): boolean {
    const code = text.charCodeAt(0);
    this.withoutSeconds = false;
    return (code >= 0x30 && code <= 0x39 && this.#numeric(text)) || this.#named(text);
  }

  #numeric(text: string): boolean {
    const iso = ISO.exec(text) ?? COMPACT.exec(text);
    if (iso) {
      const [whole, year, month, day, hour, minute, second, fraction, zone, zoneMinutes] = iso;
      this.#set(Number(year), Number(month) - 1, Number(day), hour, minute, second, fraction);
      if (zone !== undefined && zone !== 'Z')
        this.seconds -= Number(zone) * 3600 + Math.sign(Number(zone)) * Number(zoneMinutes ?? 0) * 60;
      this.end = whole.length;
      return true;
    }
    const unix = UNIX.exec(text);
    if (unix) {
      this.seconds = Number(unix[1]);
      this.nanos = Number(unix[2]) * 1000;
      this.end = unix[0].length;
      return true;
    }
    const short = MONTH_DAY.exec(text);
    if (short) {
      this.#set(yearlessYear, Number(short[1]) - 1, Number(short[2]), short[3], short[4], short[5], short[6]);
      this.end = short[0].length;
      return true;
    }
    // `2023 Nov 29 10:12:13.123456`
    const year = /^(\d{4}) (?=\D)/.exec(text);
    if (year && this.#named(text.slice(5), Number(year[1]))) {
      this.end += 5;
      return true;
    }
    const clock = CLOCK.exec(text);
    if (!clock || clock[3] === undefined) return false;
    this.#set(yearlessYear, 0, 1, clock[1], clock[2], clock[3], clock[4]);
    this.end = clock[0].length;
    return true;
  }

  #named(text: string, knownYear?: number): boolean {
    // `Wed 2024-07-03 16:39:34 CEST`
    const full = /^[^\s\d]{2,12} (?=\d{4}-)/.exec(text);
    if (full) {
      if (!this.#numeric(text.slice(full[0].length))) return false;
      const zone = /^ [A-Z]{2,5}(?= )/.exec(text.slice(full[0].length + this.end));
      this.end += full[0].length + (zone ? zone[0].length : 0);
      return true;
    }
    const date = NAMED.exec(text);
    const month = date ? monthOf(date[2]) : -1;
    if (!date || month < 0) return false;
    const year = date[8] === undefined ? (knownYear ?? yearlessYear) : Number(date[8]);
    this.#set(year, month, Number(date[3]), date[4], date[5], date[6], date[7]);
    this.end = date[0].length;
    return true;
  }

  #set(
    year: number,
    month: number,
    day: number,
    hour: string,
    minute: string,
    second: string | undefined,
    fraction: string | undefined,
  ): void {
    this.seconds = Date.UTC(year, month, day, Number(hour), Number(minute), Number(second ?? 0)) / 1000;
    this.nanos = fraction === undefined ? 0 : Number(fraction.padEnd(9, '0'));
    this.withoutSeconds = second === undefined;
  }
}

/** A leap year, so that 29 February exists. Only differences of such dates are used. */
const yearlessYear = 2000;
