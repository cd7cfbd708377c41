/** What only the kernel's reports tell: a log has no switches and no interrupts, and says all the same who waited, for how long, and for what. */
import type { Finding, Lane, LaneGroup, SpanKind } from '../../../schema/index.ts';
import type { TimelineSource } from './source.ts';
import { TrackBuilder } from './track-builder.ts';

interface Reported {
  readonly key: string;
  readonly group: LaneGroup;
  readonly name: string;
  readonly kind: SpanKind;
  readonly label: string;
}

const MOST_LANES = 40;

/** Lanes of findings that the recording itself has none for. @param there keys of the other lanes */
export function reportedLanes(
  source: TimelineSource,
  findings: readonly Finding[],
  there: ReadonlySet<string>,
): Lane[] {
  const { level, strings } = source;
  const lanes = new Map<string, { readonly of: Reported; readonly track: TrackBuilder }>();
  for (const finding of findings) {
    const of = reportedOf(finding);
    if (of === undefined || there.has(of.key)) continue;
    if (!lanes.has(of.key)) {
      if (lanes.size === MOST_LANES) continue;
      lanes.set(of.key, { of, track: new TrackBuilder('reported', { ...level, sliceNs: 0 }) });
    }
    const lane = lanes.get(of.key);
    // A wait is told twice: as a blocked call, and as a hung task.
    if (lane && lane.track.length === 0)
      lane.track.add(finding.start_ns, finding.end_ns, of.kind, strings.id(of.label));
  }
  return [...lanes.values()].map(({ of: { key, group, name }, track }) => ({
    key,
    group,
    name,
    tracks: [track.finish()],
  }));
}

function reportedOf(finding: Finding): Reported | undefined {
  switch (finding.kind) {
    case 'hung-task':
    case 'blocked-sync': {
      const { task, tid, api } = finding;
      const group = /^kworker\//.test(task) ? 'Workers' : 'Tasks of the findings';
      const label = api === undefined ? 'blocked' : `in ${api}()`;
      return { key: `task:${tid}`, group, name: `${task}:${tid}`, kind: 'blocked', label };
    }
    case 'rcu-stall': {
      const { flavor, gp_seq } = finding;
      return {
        key: `gp:${flavor}`,
        group: 'RCU',
        name: flavor,
        kind: 'gp-wait',
        label: `${flavor} ${gp_seq ?? ''}`.trim(),
      };
    }
    case 'nmi-storm':
      return { key: `cpu:${finding.cpu}`, group: 'CPUs', name: `CPU ${finding.cpu}`, kind: 'nmi', label: 'NMIs' };
    default:
      return undefined;
  }
}
