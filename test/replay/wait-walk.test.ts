/** The walk along the wait-for graph, over graphs of letters: what is entered, what repeats, and why. */
import { describe, expect, it } from 'vitest';
import { followWaits, Trail, type WaitStep } from '../../src/replay/core/wait-walk.ts';

interface Step extends WaitStep<string, Step> {
  readonly name: string;
}

/** @param graph what each letter waits for; a letter that is not in it waits for nothing. @param nameless have no node of their own */
function walked(
  graph: Readonly<Record<string, string>>,
  nameless = '',
): { shown: string; depths: Record<string, number> } {
  const trail = new Trail<string>();
  const depths: Record<string, number> = {};
  const step = (name: string): Step => ({
    name,
    ...(!nameless.includes(name) && { node: name }),
    waitsFor: () => {
      depths[name] = trail.depth;
      return [...(graph[name] ?? '')].map(step);
    },
  });
  const shown = followWaits<string, Step, string>(step('a'), trail, ({ name }, repeats, behind) => {
    const text = `${name}${repeats ? { cycle: '!', above: '^' }[repeats] : ''}`;
    return behind.length > 0 ? `${text}(${behind.join(' ')})` : text;
  });
  return { shown, depths };
}

describe('walk along the wait-for graph', () => {
  it('follows every edge, depth first', () => {
    expect(walked({ a: 'bc', b: 'd' }).shown).toBe('a(b(d) c)');
  });

  it('closes a cycle where it meets what is on its way, and goes no further (W4.41)', () => {
    expect(walked({ a: 'b', b: 'c', c: 'a' }).shown).toBe('a(b(c(a!)))');
    expect(walked({ a: 'a' }).shown).toBe('a(a!)');
  });

  it('enters once what two of them wait for', () => {
    expect(walked({ a: 'bc', b: 'd', c: 'd', d: 'e' }).shown).toBe('a(b(d(e)) c(d^))');
  });

  it('counts what is on the way, not what was met before; what has no node of its own does not count', () => {
    expect(walked({ a: 'bc', b: 'd', c: 'e' }).depths).toEqual({ a: 1, b: 2, d: 3, c: 2, e: 3 });
    expect(walked({ a: 'b', b: 'c' }, 'b').depths).toEqual({ a: 1, b: 1, c: 2 });
  });
});
