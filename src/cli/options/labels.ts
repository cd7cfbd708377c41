/** Labels of runs on the command line: `kernel=6.12,commit=1a2b3c`. */
import { UsageError } from '../exit-status.ts';

export type Labels = Readonly<Record<string, string>>;

const KEY = /^[A-Za-z][\w.-]{0,63}$/;
const LONGEST_VALUE = 1000;

/**
 * A comma ends a value only where another `key=` follows: `url=https://ci/1,2,job=boot`.
 * @throws UsageError
 */
export function parseLabels(text: string): Labels {
  const labels: Record<string, string> = {};
  for (const part of text.split(/,(?=[A-Za-z][\w.-]*=)/)) {
    const at = part.indexOf('=');
    const [key, value] = [part.slice(0, at), part.slice(at + 1)];
    if (at < 1 || !KEY.test(key) || value === '')
      throw new UsageError(`'${part}': key=value expected, as in kernel=6.12,commit=1a2b3c,job=boot-test`);
    if (value.length > LONGEST_VALUE) throw new UsageError(`label ${key}: longer than ${LONGEST_VALUE} characters`);
    labels[key] = value;
  }
  return labels;
}
