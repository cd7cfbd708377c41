/**
 * Names of months as loggers abbreviate them: journalctl and `dmesg -T` use those of the user's language. The beginning of the name decides;
 * where two months of a language begin alike, the longer beginning is listed first.
 */

const NAMES: readonly (readonly string[])[] = [
  ['jan', 'ene', 'gen', 'янв', 'oca', 'led', 'sty', 'січ', 'tammi', 'janv', 'xan', 'ιαν', 'urt', 'gener'],
  ['feb', 'fév', 'fev', 'фев', 'şub', 'úno', 'lut', 'лют', 'helmi', 'févr', 'φεβ', 'febr'],
  ['mar', 'mär', 'mrz', 'mrt', 'maa', 'мар', 'bře', 'бер', 'maalis', 'mars', 'már', 'μαρ', 'març'],
  ['apr', 'avr', 'abr', 'апр', 'nis', 'dub', 'kwi', 'кві', 'huhti', 'ápr', 'απρ'],
  ['may', 'mai', 'maj', 'mag', 'mei', 'мая', 'май', 'kvě', 'трав', 'touko', 'máj', 'mayo', 'μαϊ', 'maio'],
  ['jun', 'juin', 'giu', 'июн', 'haz', 'čer', 'чер', 'kesä', 'cze', 'jún', 'ιουν', 'xuñ', 'juny'],
  ['jul', 'juil', 'lug', 'июл', 'tem', 'čec', 'lip', 'лип', 'heinä', 'júl', 'ιουλ', 'xul'],
  ['aug', 'aoû', 'aou', 'ago', 'авг', 'ağu', 'srp', 'sie', 'сер', 'elo', 'αυγ'],
  ['sep', 'set', 'сен', 'eyl', 'zář', 'wrz', 'вер', 'syys', 'szept', 'σεπ'],
  ['oct', 'okt', 'out', 'ott', 'окт', 'eki', 'říj', 'paź', 'жов', 'loka', 'οκτ'],
  ['nov', 'ноя', 'kas', 'lis', 'лис', 'marras', 'νοε'],
  ['dec', 'dez', 'déc', 'dic', 'des', 'дек', 'ara', 'pro', 'gru', 'гру', 'joulu', 'δεκ', 'dek'],
];

/** Beginnings, longest first: `juin` before `ju…`, `marras` before `mar`. */
const BEGINNINGS: readonly (readonly [string, number])[] = NAMES.flatMap((names, month) =>
  names.map((name) => [name, month] as const),
).sort(([a], [b]) => b.length - a.length);

const MAX_CACHED = 64;
const cache = new Map<string, number>();

/** Month 0–11 of a name, −1 when it is none. @param latin1 bytes of the name, one character each */
export function monthOf(latin1: string): number {
  const known = cache.get(latin1);
  if (known !== undefined) return known;
  const name = Buffer.from(latin1, 'latin1').toString('utf8').toLowerCase().replace(/\.$/, '');
  // `12月`, `12월`
  const number = /^(\d{1,2})[月월]$/.exec(name);
  const month = number
    ? Number(number[1]) - 1
    : /^\d/.test(name)
      ? -1
      : (BEGINNINGS.find(([beginning]) => name.startsWith(beginning))?.[1] ?? -1);
  if (cache.size < MAX_CACHED) cache.set(latin1, month);
  return month;
}
