/** One item of a batch: its captures into a store of their own, in whichever process. */
import { CaptureError, type KernelProfile, type ReplayResult, type Thresholds } from '../../../schema/index.ts';
import type { RowChoice } from '../../store/rows/row-choice.ts';
import type { Kept } from '../../store/run-summary.ts';
import { StoreError } from '../../store/store-error.ts';
import { replayCaptures } from '../replay-captures.ts';

/** What every item of a batch is replayed with. */
export interface ItemSettings {
  readonly keep: Kept;
  readonly rows?: RowChoice;
  readonly profile?: KernelProfile;
  readonly thresholds?: Partial<Thresholds>;
  readonly kallsymsPath?: string;
}

export interface ItemTask extends ItemSettings {
  readonly captures: readonly string[];
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Store to be made; removed by whoever gave it. */
  readonly db: string;
}

/** What came of it, in brief. */
export interface ItemVerdict {
  readonly events: number;
  readonly spanNs: number;
  readonly errors: number;
  readonly warnings: number;
  readonly infos: number;
  /** Of the worst root cause; undefined: none. */
  readonly title?: string;
  readonly roots: number;
  /** Records that the recorder lost or the parser could not read. */
  readonly lost: number;
}

export type ItemAnswer =
  | { readonly kind: 'replayed'; readonly verdict: ItemVerdict; readonly rssBytes: number }
  /** `fatal`: another capture would fail the same way. */
  | { readonly kind: 'failed'; readonly message: string; readonly fatal: boolean };

export async function replayItem({ captures, name, labels, ...settings }: ItemTask): Promise<ItemAnswer> {
  try {
    const result = await replayCaptures(captures, { ...settings, name, labels, threads: 1 });
    return { kind: 'replayed', verdict: verdictOf(result), rssBytes: process.memoryUsage.rss() };
  } catch (error) {
    const { message, stack } = error as Error;
    const known = error instanceof CaptureError || error instanceof StoreError;
    return {
      kind: 'failed',
      message: known ? message : `a defect of quiesce: ${stack}`,
      fatal: error instanceof StoreError,
    };
  }
}

function verdictOf({ run, runs = [run], findings, roots, import: { events, lost } }: ReplayResult): ItemVerdict {
  const of = (severity: string): number => findings.filter((finding) => finding.severity === severity).length;
  return {
    events,
    lost,
    spanNs: runs.reduce((sum, { first_ns, last_ns }) => sum + last_ns - first_ns, 0),
    errors: of('error'),
    warnings: of('warning'),
    infos: of('info'),
    roots: roots.length,
    ...(roots.length > 0 && { title: roots[0].title }),
  };
}
