/** Time by stack as files: folded lines (flamegraph.pl, inferno) and speedscope. */
import { TextPieces } from '../text-pieces.ts';
import type { WeightedStacks } from './weighted-stacks.ts';

/** One stack per line, frames parted by semicolons, then nanoseconds. */
export function writeFolded(stacks: WeightedStacks, out: (text: string) => void): void {
  const pieces = new TextPieces(out);
  for (const { frames, ns } of stacks.entries())
    pieces.add(`${frames.map((frame) => frame.replaceAll(';', ',')).join(';')} ${ns}\n`);
  pieces.flush();
}

const SPEEDSCOPE_SCHEMA = 'https://www.speedscope.app/file-format-schema.json';

/** https://www.speedscope.app/file-format-schema.json, one sampled profile. */
export function writeSpeedscope(
  stacks: WeightedStacks,
  title: string,
  exporter: string,
  out: (text: string) => void,
): void {
  const numbers = new Map<string, number>();
  const numberOf = (frame: string): number => {
    const known = numbers.get(frame) ?? numbers.size;
    numbers.set(frame, known);
    return known;
  };
  const entries = stacks.entries();
  const samples = entries.map(({ frames }) => frames.map(numberOf));
  const weights = entries.map(({ ns }) => ns);
  const file = {
    $schema: SPEEDSCOPE_SCHEMA,
    exporter,
    name: title,
    shared: { frames: [...numbers.keys()].map((name) => ({ name })) },
    profiles: [
      {
        type: 'sampled',
        name: title,
        unit: 'nanoseconds',
        startValue: 0,
        endValue: weights.reduce((sum, ns) => sum + ns, 0),
        samples,
        weights,
      },
    ],
  };
  out(`${JSON.stringify(file)}\n`);
}
