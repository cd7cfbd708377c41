/**
 * Source lines of stack frames: `func+0x1c/0x90 [mod]` → `drivers/mod.c:123 (inlined by drivers/mod.c:88)`. The symbol table is read once per
 * object, and all addresses of it are looked up in one run of addr2line or llvm-symbolizer.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KernelProfile } from '../../schema/index.ts';
import { buildIdOfImage, isElf, releaseOfImage } from './kernel-version.ts';
import { type FunctionSymbol, readFunctions } from './symbol-table.ts';
import { runTool, SymbolsError } from './tools.ts';

export interface SymbolSources {
  /** The kernel's image with debug information. */
  readonly vmlinux?: string | undefined;
  /** Folder with modules (`*.ko`, `*.ko.debug`), searched with its folders. */
  readonly modules?: string | undefined;
}

/** What the recording says of its kernel. */
export type RecordedKernel = Pick<KernelProfile, 'release' | 'buildId'>;

/** `func+0x1c/0x90 [mod]`, the parts behind the name as far as they are there. */
const FRAME = /^(?:\? )?([\w.$]+)\+0x([0-9a-f]+)(?:\/0x([0-9a-f]+))?(?: \[([\w-]+)\])?/;

interface Address {
  readonly frame: string;
  readonly address: bigint;
}

/**
 * @param kernel that was recorded: an image of another one gives wrong lines, and is refused
 * @returns by frame, as it was given; frames without a line are missing
 * @throws SymbolsError in one line: the tool, the file, or why they do not fit
 */
export function sourceLines(
  frames: readonly string[],
  sources: SymbolSources,
  kernel: RecordedKernel,
): ReadonlyMap<string, string> {
  if (sources.vmlinux !== undefined) checkImage(sources.vmlinux, kernel);
  const lines = new Map<string, string>();
  const byModule = new Map<string | undefined, string[]>();
  for (const frame of new Set(frames)) {
    const match = FRAME.exec(frame);
    if (!match) continue;
    const known = byModule.get(match[4]);
    if (known) known.push(frame);
    else byModule.set(match[4], [frame]);
  }
  for (const [module, own] of byModule) {
    const path = module === undefined ? sources.vmlinux : moduleFile(sources.modules, module);
    if (path === undefined) continue;
    for (const [frame, line] of linesOf(path, own, module !== undefined)) lines.set(frame, line);
  }
  return lines;
}

/** The build id tells images of one release apart; where the recording has none, the release decides. */
function checkImage(path: string, { release, buildId }: RecordedKernel): void {
  if (!isElf(path)) throw new SymbolsError(`${path}: is no ELF file; vmlinux of the recorded kernel is expected`);
  const found = releaseOfImage(path);
  if (found !== undefined && release !== undefined && found !== release)
    throw new SymbolsError(`${path}: is the image of ${found}; the recording is of ${release}`);
  if (buildId === undefined) return;
  const own = buildIdOfImage(path);
  if (own !== undefined && own !== buildId)
    throw new SymbolsError(
      `${path}: is another build of the kernel (build id ${own}); the recording is of build ${buildId}`,
    );
}

function linesOf(path: string, frames: readonly string[], isModule: boolean): Map<string, string> {
  const functions = readFunctions(path);
  const addresses = frames.flatMap((frame): Address[] => {
    const match = FRAME.exec(frame);
    const address = match && addressOf(functions.get(match[1]), match[2], match[3]);
    return typeof address === 'bigint' ? [{ frame, address }] : [];
  });
  if (addresses.length === 0) return new Map();
  const input = addresses.map(({ address }) => `0x${address.toString(16)}`).join('\n');
  // Addresses of a module are offsets into its .text.
  const section = isModule ? ['-j', '.text'] : [];
  const answer = runTool(['addr2line', 'llvm-addr2line'], ['-e', path, '-a', '-i', ...section], `${input}\n`);
  return parseAnswer(answer, addresses);
}

/** A return address: the call is the instruction before it. */
function addressOf(
  symbols: readonly FunctionSymbol[] | undefined,
  offset: string,
  size: string | undefined,
): bigint | undefined {
  if (symbols === undefined) return undefined;
  const wanted = size === undefined ? undefined : BigInt(`0x${size}`);
  // Sizes in traces reach to the next symbol, and so include padding.
  const fits = symbols.filter(
    (symbol) => wanted === undefined || symbol.size === 0n || (symbol.size <= wanted && wanted - symbol.size < 64n),
  );
  if (fits.length !== 1) return undefined;
  const within = BigInt(`0x${offset}`);
  return fits[0].address + (within > 0n ? within - 1n : 0n);
}

/** Per address a line `0x…`, and one `file:line` for it and for each function that it was inlined into. */
function parseAnswer(answer: string, addresses: readonly Address[]): Map<string, string> {
  const lines = new Map<string, string>();
  let index = -1;
  let places: string[] = [];
  const flush = (): void => {
    const [first, ...outer] = places.filter((place) => !/^\?\?:/.test(place)).map(shortPath);
    if (index >= 0 && first !== undefined)
      lines.set(addresses[index].frame, [first, ...outer.map((place) => `inlined at ${place}`)].join(', '));
    places = [];
  };
  for (const line of answer.split('\n')) {
    if (/^0x[0-9a-f]+$/.test(line)) {
      flush();
      index++;
    } else if (line !== '') places.push(line);
  }
  flush();
  return lines;
}

/** Relative to the tree, where that is known; without the discriminator. */
function shortPath(place: string): string {
  const plain = place.replace(/ \(discriminator \d+\)$/, '');
  const root =
    /^.*?\/(?=(?:arch|block|crypto|drivers|fs|include|init|io_uring|ipc|kernel|lib|mm|net|security|sound|virt)\/)/.exec(
      plain,
    );
  return root ? plain.slice(root[0].length) : plain;
}

/** `nf_tables.ko.debug` before `nf_tables.ko`; names in traces have `_` where files may have `-`. */
function moduleFile(folder: string | undefined, module: string): string | undefined {
  if (folder === undefined) return undefined;
  if (!existsSync(folder)) throw new SymbolsError(`${folder}: no such folder`);
  const names = new Set([`${module}.ko.debug`, `${module}.ko`]);
  const found = (readdirSync(folder, { recursive: true }) as string[]).filter((path) =>
    names.has((path.split('/').pop() ?? '').replaceAll('-', '_')),
  );
  const best = found.find((path) => path.endsWith('.debug')) ?? found[0];
  return best === undefined ? undefined : join(folder, best);
}
