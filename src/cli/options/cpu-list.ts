/** CPUs as people type them. */
import { InvalidArgumentError } from 'commander';

/** No kernel has more (CONFIG_NR_CPUS). */
const MOST_CPUS = 8192;

/** `0,2-3`. @throws InvalidArgumentError */
export function parseCpus(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim()) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) >= MOST_CPUS)
      throw new InvalidArgumentError('CPUs expected, like 0,2-3.');
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i);
  });
}
