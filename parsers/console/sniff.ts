/** What a log looks like from its first bytes. */

/** Kernel stamps, printk levels, or the words with which reports and logs begin. */
const EVIDENCE =
  /(?:^|\n|> )(?:<\d{1,2}>)?(?:\[ *\d+\.\d{6}\]|\d{1,3},\d+,\d+,-)|\bkernel: |\bLinux version \d|\b(?:INFO|BUG|WARNING): |\bCall Trace:|\bOops:|\] Modules linked in:|printk messages dropped|-- (?:Reboot|Boot [0-9a-f]|Journal begins|Logs begin)/;

const latin1 = (head: Uint8Array) => Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1');

/**
 * Any plain text can be a log: a console shows what programs print, too. Text with kernel messages may be damaged (serial lines
 * drop and garble bytes); text without any must be clean. Last of the formats to be asked.
 */
export function looksLikeLog(head: Uint8Array): boolean {
  if (head.length === 0) return false;
  let odd = 0;
  for (const byte of head)
    if ((byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x1b) || byte === 0x7f) odd++;
  if (odd * 100 <= head.length && !head.includes(0)) return true;
  return odd * 4 < head.length && EVIDENCE.test(latin1(head));
}

/** A stamp of printk behind whatever a paste has in front of it. */
const STAMPED = /^.{0,24}?(?:<\d{1,2}>)?\[ *\d{1,9}\.\d{6}\][ [\r\n]/;

/** Most lines have printk's stamp: no recorder of events writes so, whatever stands in front of it. */
export function isStampedLog(head: Uint8Array): boolean {
  if (head.includes(0)) return false;
  let stamped = 0;
  let others = 0;
  for (const line of latin1(head).split('\n')) {
    if (STAMPED.test(line)) stamped++;
    else if (line.trim() !== '') others++;
  }
  return stamped > others;
}

/** Lines of an oops, of a slab report or of a syslog, as people paste them: without any stamp, and of no kind that is judged. */
const KERNEL_LINE =
  /^[>|\s]{0,8}(?:BUG: |BUG [\w-]+ \(|Oops: |Call Trace:|Kernel panic|Unable to handle kernel |RIP: \d{4}:|Modules linked in: |CPU: \d+ (?:UID: \d+ )?PID: |\w{3} {1,2}\d{1,2} [\d:]{8} \S+ kernel: )/m;

/** Whether some line at the beginning is the kernel's by its words. */
export function holdsKernelLine(head: Uint8Array): boolean {
  return KERNEL_LINE.test(latin1(head));
}

/** Whether a file's name promises a log: `dmesg.txt`, `0083.log`, `console-2`, `syslog.gz`. */
export function namesLog(name: string): boolean {
  return /(?:\.log|(?:^|[^a-z])(?:dmesg|syslog|journal|console|kmsg|messages)[^/\\]*)(?:\.(?:gz|zst|xz|bz2))?$/i.test(
    name,
  );
}

/** Lines have kernel stamps: dates, if there are any too, are not needed. */
export function hasKernelStamps(head: Uint8Array): boolean {
  return /\[ *\d+\.(?:\d{6})?\]|(?:^|\n)\d{1,3},\d+,\d+,[-c+]/.test(latin1(head));
}

/** Lines of an ftrace dump behind kernel stamps, also without the heading of one: `… 11612209us : timer_interrupt: …`. */
export function hasFtraceRecords(head: Uint8Array): boolean {
  return /\] +\S.{0,40}-\d+ .{0,12}\d{3,}us.?: /.test(latin1(head));
}

/** `journalctl -o short-monotonic`: `[   12.345678] host kernel: text`. */
export function hasHostAfterStamp(head: Uint8Array): boolean {
  return /(?:^|\n)\[ *\d+\.\d{6}\] (?:\S+ )?kernel: /.test(latin1(head));
}

const MIN_COLUMNS = 40;
const MAX_COLUMNS = 240;

/** Mailers break at blanks: many of their lines are a few columns shorter than the longest, and none ends with a blank. */
const RAGGED_COLUMNS = 6;
const FEW_LINES = 3;
const MANY_LINES = 8;

/**
 * Columns of the terminal that broke the lines wherever they were; 0: none did. More lines are as long as that than a little shorter; where
 * lines have stamps, those without go on where a full line ended.
 */
export function terminalColumns(head: Uint8Array): number {
  const lines = latin1(head).replaceAll('\r', '').split('\n').slice(0, -1);
  const longest = lines.reduce((most, { length }) => Math.max(most, length), 0);
  if (longest < MIN_COLUMNS || longest > MAX_COLUMNS) return 0;
  const isFull = (line: string | undefined) => line?.length === longest;
  const stamped = lines.filter((line) => STAMPED.test(line)).length;
  if (stamped * 2 > lines.length) {
    const others = lines.flatMap((line, i) => (line === '' || STAMPED.test(line) ? [] : [lines[i - 1]]));
    return others.length >= FEW_LINES && others.every(isFull) ? longest : 0;
  }
  const different = [...new Set(lines)];
  const full = different.filter(isFull);
  const ragged = different.filter(({ length }) => length < longest && length >= longest - RAGGED_COLUMNS);
  const many = full.length >= MANY_LINES && ragged.length === 0;
  const few = full.length >= FEW_LINES && full.length > ragged.length && full.some((line) => line.endsWith(' '));
  return many || few ? longest : 0;
}
