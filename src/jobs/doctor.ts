/** What captures contain: events by type, and what they can decide. */
import type { DoctorResult } from '../../schema/index.ts';
import type { Inputs } from './inputs.ts';
import { replayInputs } from './replay.ts';
import type { ReplayOptions } from './replay-options.ts';

/** Captures are examined and not stored. */
export type DoctorOptions = Omit<ReplayOptions, 'db' | 'name'>;

/**
 * Reads captures of one boot, or a stored run, to its end.
 * @throws CaptureError, StoreError, RequestError as a replay does
 */
export async function doctor(inputs: Inputs, options: DoctorOptions = {}): Promise<DoctorResult> {
  const counts = new Map<string, { system: string; shape: string; events: number }>();
  const replayed = await replayInputs(inputs, options, ({ record: { coverage } }) => {
    for (const { name, system, shape } of coverage.types) {
      const events = coverage.events.get(name) ?? 0;
      if (events > 0 && shape !== 'marker') counts.set(name, { system, shape, events });
    }
  });
  return {
    schema: 'quiesce.doctor/1',
    run: replayed.run,
    import: replayed.import,
    event_types: [...counts]
      .map(([name, type]) => ({ name, ...type }))
      .sort((a, b) => b.events - a.events || a.name.localeCompare(b.name, 'en')),
    assessments: replayed.assessments,
    findings: replayed.findings.length,
  };
}
