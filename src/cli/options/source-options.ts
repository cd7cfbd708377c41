/** `--vmlinux` and `--modules`: frames with their lines of the source. */
import { type Command, Option } from 'commander';
import { type RecordedKernel, sourceLines } from '../../symbols/source-lines.ts';

export interface SourceOptions {
  readonly vmlinux?: string;
  readonly modules?: string;
}

export function addSourceOptions(command: Command): Command {
  return command
    .addOption(new Option('--vmlinux <file>', 'image with debug information: source lines of stack frames'))
    .addOption(new Option('--modules <folder>', 'modules with debug information, for the same'));
}

/**
 * Lines by frame; undefined when no image was given.
 * @param frames as the kernel prints them, looked up together
 * @param kernel that was recorded
 * @throws SymbolsError
 */
export function linesOfFrames(
  { vmlinux, modules }: SourceOptions,
  frames: readonly string[],
  kernel: RecordedKernel,
): ReadonlyMap<string, string> | undefined {
  if (vmlinux === undefined && modules === undefined) return undefined;
  return sourceLines(frames, { vmlinux, modules }, kernel);
}
