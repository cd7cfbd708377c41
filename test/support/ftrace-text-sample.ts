/** Lines of ftrace text around the payloads under test. */
import { ftraceText } from '../../parsers/ftrace-text/format.ts';
import { type EventRow, readText } from './parser-contract.ts';

/** Prefixes of a record in the kernel's text and in trace-cmd report. */
export const KERNEL = '          <idle>-0       [000] d..2.    28.113005: ';
export const REPORT = '          <idle>-0     [000]    28.113005: ';

/** Events of payload lines as the kernel prints them. */
export async function kernel(...payloads: string[]): Promise<readonly EventRow[]> {
  return (await readText(ftraceText, payloads.map((payload) => `${KERNEL}${payload}\n`).join(''))).events;
}

/** Events of `name: payload` lines as trace-cmd report pads them. */
export async function report(...payloads: string[]): Promise<readonly EventRow[]> {
  const padded = payloads.map((payload) => {
    const colon = payload.indexOf(':');
    return `${REPORT}${`${payload.slice(0, colon + 1)}`.padEnd(21)} ${payload.slice(colon + 1).trimStart()}\n`;
  });
  return (await readText(ftraceText, `cpus=2\n${padded.join('')}`)).events;
}
