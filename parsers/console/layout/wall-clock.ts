/** Dates in front of log lines: syslog, ISO 8601, journal and `dmesg -T` forms, as seconds and nanoseconds. */

/** What a date said; {@link WallClock.parse} fills it. */
export class WallClock {
  /** Seconds since 1970 in the log's own time zone unless it names one; a date without a year is taken in {@link yearlessYear}. */
  seconds = 0;
  /** Nanoseconds within the second. */
  nanos = 0;
  /** Index behind the date. */
  end = 0;

  /**
   * Reads a date at the beginning of `text`.
   *
   *     Mar  5 08:31:52
   *     2025-05-12T22:29:47.022594+02:00
   *     2024-07-03T16:39:34,123456+02:00
   *     2024-07-03 16:39:34
   *     Wed 2024-07-03 16:39:34 CEST
   *     Wed Jul  3 16:39:34 2024
   *     1715523456.123456
   */
  parse(text: string): boolean {
    const code = text.charCodeAt(0);
    if (code >= 0x30 && code <= 0x39) return this.#numeric(text);
    return this.#named(text);
  }

  #numeric(text: string): boolean {
    const iso = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ?(Z|[+-]\d\d):?(\d\d)?)?/.exec(
      text,
    );
    if (iso) {
      const [whole, year, month, day, hour, minute, second, fraction, zone, zoneMinutes] = iso;
      this.#set(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second), fraction);
      if (zone !== undefined && zone !== 'Z')
        this.seconds -= Number(zone) * 3600 + Math.sign(Number(zone)) * Number(zoneMinutes ?? 0) * 60;
      this.end = whole.length;
      return true;
    }
    const unix = /^(\d{9,10})\.(\d{6})(?= )/.exec(text);
    if (!unix) return false;
    this.seconds = Number(unix[1]);
    this.nanos = Number(unix[2]) * 1000;
    this.end = unix[0].length;
    return true;
  }

  #named(text: string): boolean {
    const full = /^[A-Z][a-z]{2} (?=\d{4}-)/.exec(text);
    if (full) {
      if (!this.#numeric(text.slice(4))) return false;
      const zone = /^ [A-Z]{2,5}(?= )/.exec(text.slice(4 + this.end));
      this.end += 4 + (zone ? zone[0].length : 0);
      return true;
    }
    const date =
      /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: (\d{4})(?=\]| |$))?/.exec(
        text,
      );
    const month = date ? MONTHS.indexOf(date[1]) : -1;
    if (!date || month < 0) return false;
    const year = date[7] === undefined ? yearlessYear : Number(date[7]);
    this.#set(year, month, Number(date[2]), Number(date[3]), Number(date[4]), Number(date[5]), date[6]);
    this.end = date[0].length;
    return true;
  }

  #set(
    year: number,
    month: number,
    day: number,
    hour: number,
    minute: number,
    second: number,
    fraction: string | undefined,
  ): void {
    this.seconds = Date.UTC(year, month, day, hour, minute, second) / 1000;
    this.nanos = fraction === undefined ? 0 : Number(fraction.padEnd(9, '0'));
  }
}

/** A leap year, so that 29 February exists. Only differences of such dates are used. */
const yearlessYear = 2000;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
