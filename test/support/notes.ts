import type { Note } from '../../schema/index.ts';

/** The notes of a finding as text, one a line. */
export function notesText(finding: { readonly notes: readonly Note[] } | undefined): string {
  return (finding?.notes ?? []).map(({ text }) => text).join('\n');
}

/** The rules that the notes of a finding rest on. */
export function notesRules(finding: { readonly notes: readonly Note[] }): string[] {
  return finding.notes.flatMap(({ rules }) => rules);
}
