/** Which lines begin a report of the kernel, and which of its grammars reads it. */
import { parseLockdepTitle } from '../text/lockdep-title.ts';
import { openCsdLock } from './csd-builder.ts';
import { openHeldLocks } from './held-builder.ts';
import { openHungTask } from './hung-task-builder.ts';
import { LockdepBuilder } from './lockdep-builder.ts';
import { openLockup } from './lockup-builder.ts';
import type { ReportBuilder } from './report-builder.ts';
import { openSleepInAtomic } from './sleep-builder.ts';
import { openStall, withoutRcuPrefix } from './stall-builder.ts';
import { openWorkqueueLockup } from './workqueue-builder.ts';

const SPACE = 0x20;
const TAB = 0x09;

/** First characters with which something that matters can begin outside of a report. */
const OPENERS = new Uint8Array(128);
for (const char of '[IBWrwNphtLSPHCKTRUA0123456789nxsc') OPENERS[char.charCodeAt(0)] = 1;

/** Whether a line outside of all reports deserves a closer look. */
export function mayOpen(text: string): boolean {
  let i = 0;
  let code = text.charCodeAt(0);
  while (code === SPACE || code === TAB) code = text.charCodeAt(++i);
  return code < 128 && OPENERS[code] === 1;
}

/** The grammar of the report that begins with this line; undefined: none does. */
export function openReport(text: string): ReportBuilder | undefined {
  switch (text.charCodeAt(0)) {
    case 0x5b: // [
    case 0x57: // W
      return openLockdep(text);
    case 0x49: // I
      return openHungTask(text) ?? openStall(text) ?? openLockdep(text);
    case 0x42: // B
      return openLockup(text) ?? openWorkqueueLockup(text) ?? openSleepInAtomic(text) ?? openLockdep(text);
    case 0x4b: // K
      return openLockup(text);
    case 0x72: // r
      return text.startsWith('rcu') ? openStall(withoutRcuPrefix(text)) : undefined;
    case 0x63: // c
      return openCsdLock(text) ?? openHeldLocks(text);
    case 0x73: // s
      return openCsdLock(text) ?? openLockup(text) ?? openHeldLocks(text);
    case 0x77: // w
    case 0x4e: // N
      return openLockup(text);
    default:
      return openHeldLocks(text);
  }
}

function openLockdep(text: string): ReportBuilder | undefined {
  const title = parseLockdepTitle(text);
  return title && new LockdepBuilder(title);
}
