/** Workflow commands of GitHub Actions: an annotation per root cause, at the line of the log that proves it, where one does. */
import type { Finding, RootCause, Severity } from '../../../schema/index.ts';
import { rootsOfRuns } from '../../replay/roots/roots.ts';
import { relativePath } from './paths.ts';
import type { SarifRun } from './sarif.ts';

const LEVELS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

/** @param folder that paths are relative to */
export function githubOfRuns(runs: readonly SarifRun[], folder: string): string {
  return runs.map((run) => annotations(run, folder)).join('');
}

function annotations({ info, findings: found }: SarifRun, folder: string): string {
  const { roots, findings } = rootsOfRuns(found);
  const log = info.captures.find(({ format }) => /log|console/i.test(format));
  let at = 0;
  return roots
    .map((root) => {
      const own = findings.slice(at, at + root.findings.length);
      at += own.length;
      const line = logLine(own);
      const file = line === undefined ? info.captures[0]?.path : (log ?? info.captures[0])?.path;
      const place = [
        ...(file === undefined ? [] : [`file=${property(relativePath(file, folder))}`]),
        ...(line === undefined ? [] : [`line=${line}`]),
        `title=${property(`quiesce ${root.kind} (${info.name})`)}`,
      ];
      return `::${LEVELS[root.severity]} ${place.join(',')}::${data(message(root, own))}\n`;
    })
    .join('');
}

function logLine(findings: readonly Finding[]): number | undefined {
  for (const { evidence } of findings)
    for (const item of evidence) if ('line' in item && item.line > 0) return item.line;
  return undefined;
}

const MOST = 5;

function message(root: RootCause, findings: readonly Finding[]): string {
  const titles = [...new Set(findings.map(({ id, title }) => `${id}: ${title}`))];
  const rest = titles.length - MOST;
  return [root.title, ...titles.slice(0, MOST), ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n');
}

/** As @actions/core escapes them. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
