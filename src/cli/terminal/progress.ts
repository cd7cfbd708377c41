/** Progress on standard error, only when it is a terminal. */
import cliProgress from 'cli-progress';
import type { ReplayProgress } from '../../jobs/replay-options.ts';
import { formatCount, formatSize } from '../../report/text/text-format.ts';

/** Drawing more often would cost more than it tells. */
const REDRAW_MS = 100;

export interface ProgressBar {
  update(progress: ReplayProgress): void;
  stop(): void;
}

const SILENT: ProgressBar = { update: () => undefined, stop: () => undefined };

/** @param unit what `readBytes` counts: bytes of captures, or events of a store. */
export function progressBar(enabled: boolean, unit: 'bytes' | 'events'): ProgressBar {
  if (!enabled) return SILENT;
  const bar = new cliProgress.SingleBar({
    clearOnComplete: true,
    hideCursor: true,
    stream: process.stderr,
    format: (options, params, payload: { events: number; startedMs: number; known: boolean }) => {
      const seconds = Math.max(0.001, (Date.now() - payload.startedMs) / 1000);
      const rate = `${formatCount(payload.events)} events, ${formatCount(Math.round(payload.events / seconds))}/s`;
      const amount = (n: number) => (unit === 'bytes' ? formatSize(n) : formatCount(n));
      if (!payload.known) return `${amount(params.value)}  ${rate}`;
      const left = params.progress > 0 ? (seconds / params.progress) * (1 - params.progress) : 0;
      const drawn = cliProgress.Format.BarFormat(params.progress, options);
      return `${drawn} ${Math.floor(params.progress * 100)} %  ${amount(params.value)} of ${amount(params.total)}  ${rate}  ${Math.ceil(left)} s left`;
    },
  });
  const startedMs = Date.now();
  let lastMs = 0;
  let started = false;
  return {
    update({ readBytes, totalBytes, events }) {
      const now = Date.now();
      if (now - lastMs < REDRAW_MS) return;
      lastMs = now;
      const known = totalBytes !== undefined && totalBytes > 0;
      const payload = { events, startedMs, known };
      if (!started) {
        bar.start(known ? totalBytes : Number.MAX_SAFE_INTEGER, readBytes, payload);
        started = true;
      } else bar.update(readBytes, payload);
    },
    stop: () => bar.stop(),
  };
}
