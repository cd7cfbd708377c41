/** Ids of findings: derived from what a finding is, never from where it lies in the file. */
import { type FindingDraft, identityOf } from '../../../schema/index.ts';

/** The finding with its id, `<kind>-<8 hex digits>`: FNV-1a, 32 bits, of its identity. The same in every replay and in every boot. */
export function identified<Draft extends FindingDraft>(draft: Draft): Draft & { readonly id: string } {
  let hash = 0x811c9dc5;
  for (const char of identityOf(draft)) hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193) >>> 0;
  const { kind, ...rest } = draft;
  const id = `${kind}-${hash.toString(16).padStart(8, '0')}`;
  return { kind, id, ...rest } as unknown as Draft & { readonly id: string };
}
