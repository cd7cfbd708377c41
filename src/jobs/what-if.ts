/** What-if: captures or a stored run judged once more under variants of the kernel. */
import { readFileSync } from 'node:fs';
import { fileProblem, type WhatIfResult } from '../../schema/index.ts';
import { type ReplayedRun, WhatIf } from '../replay/what-if/judge.ts';
import { combineVariants, type Variant, VariantError } from '../replay/what-if/operator.ts';
import { checkedVariant, parseVariant } from '../replay/what-if/variant-file.ts';
import { resolveVariant, VARIANTS } from '../replay/what-if/variants.ts';
import { type Inputs, jobInputs } from './inputs.ts';
import { replayInputs } from './replay.ts';
import type { ReplayOptions } from './replay-options.ts';

/** A variant, or its name: several joined with `+`, files that end in .json in their place (docs/WHAT-IF.md). */
export type VariantChoice = string | Variant;

/** Captures are judged and not stored. */
export type WhatIfOptions = Omit<ReplayOptions, 'db' | 'name'>;

/**
 * Replays captures or a stored run and says which of its findings each variant clears, leaves or brings. Of a log with several boots, the
 * first one that has findings is judged.
 * @param variants default: all of {@link VARIANTS}
 * @throws VariantError when a variant is not known or does not say what it should
 * @throws CaptureError, StoreError, RequestError as a replay does
 */
export async function whatIf(
  inputs: Inputs,
  variants: readonly VariantChoice[] = VARIANTS,
  options: WhatIfOptions = {},
): Promise<WhatIfResult> {
  return (await judgeVariants(inputs, variants, options)).result;
}

export interface JudgedVariants {
  readonly result: WhatIfResult;
  /** Boots that were replayed; one of them was judged. */
  readonly boots: number;
  /** The run of the store; undefined for captures. */
  readonly stored: { readonly path: string; readonly runId: number } | undefined;
}

/** @throws as {@link whatIf} */
export async function judgeVariants(
  inputs: Inputs,
  variants: readonly VariantChoice[],
  options: WhatIfOptions,
): Promise<JudgedVariants> {
  // Before the replay: a misspelt name must not cost a minute.
  const chosen = variants.map(chosenVariant);
  const given = jobInputs(inputs, options.run);
  const runs: ReplayedRun[] = [];
  const { run } = await replayInputs(inputs, options, (replayed) => {
    runs.push(replayed);
  });
  const judged = runs.find(({ baseline }) => baseline.length > 0) ?? runs[0];
  const judge = new WhatIf(judged);
  return {
    result: {
      schema: 'quiesce.whatif/1',
      baseline: judged.baseline,
      variants: chosen.map((variant) => judge.judge(variant)),
    },
    boots: runs.length,
    stored: given.kind === 'store' && run.run_id !== undefined ? { path: given.path, runId: run.run_id } : undefined,
  };
}

function chosenVariant(choice: VariantChoice): Variant {
  if (typeof choice !== 'string') return VARIANTS.includes(choice) ? choice : checkedVariant(choice, 'variant');
  const parts = choice
    .split(/\+(?=[^+])/)
    .map((part) => (part.endsWith('.json') ? variantFile(part) : resolveVariant(part)));
  return combineVariants(parts.map(({ name }) => name).join('+'), parts);
}

function variantFile(path: string): Variant {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new VariantError(`${path}: ${fileProblem(error)}`);
  }
  return parseVariant(text, path);
}
