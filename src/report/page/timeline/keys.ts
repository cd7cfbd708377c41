/** Keys as in Perfetto: w and s zoom, a and d pan, for as long as they are held; arrows do the same; f shows the finding, 0 the whole. */

export interface KeyActions {
  /** @param factor below 1: closer */
  zoomBy(factor: number): void;
  /** @param share of what is visible, to the right */
  panBy(share: number): void;
  scrollBy(pixels: number): void;
  fitFinding(): void;
  fitAll(): void;
  nextFinding(step: number): void;
  clear(): void;
}

/** Per second. */
const ZOOM_RATE = 6;
const PAN_RATE = 0.9;
const SCROLL_PIXELS = 40;

const HELD: Readonly<Record<string, (actions: KeyActions, seconds: number) => void>> = {
  w: (actions, seconds) => actions.zoomBy(ZOOM_RATE ** -seconds),
  '+': (actions, seconds) => actions.zoomBy(ZOOM_RATE ** -seconds),
  s: (actions, seconds) => actions.zoomBy(ZOOM_RATE ** seconds),
  '-': (actions, seconds) => actions.zoomBy(ZOOM_RATE ** seconds),
  a: (actions, seconds) => actions.panBy(-PAN_RATE * seconds),
  arrowleft: (actions, seconds) => actions.panBy(-PAN_RATE * seconds),
  d: (actions, seconds) => actions.panBy(PAN_RATE * seconds),
  arrowright: (actions, seconds) => actions.panBy(PAN_RATE * seconds),
};

const PRESSED: Readonly<Record<string, (actions: KeyActions) => void>> = {
  f: (actions) => actions.fitFinding(),
  0: (actions) => actions.fitAll(),
  home: (actions) => actions.fitAll(),
  n: (actions) => actions.nextFinding(1),
  p: (actions) => actions.nextFinding(-1),
  arrowdown: (actions) => actions.scrollBy(SCROLL_PIXELS),
  arrowup: (actions) => actions.scrollBy(-SCROLL_PIXELS),
  escape: (actions) => actions.clear(),
};

/** A tap counts as this long, ms. */
const TAP_MS = 60;

export function watchKeys(element: HTMLElement, actions: KeyActions): void {
  const held = new Set<string>();
  let before = 0;
  const frame = (now: number): void => {
    if (held.size === 0) return;
    const seconds = Math.min(100, now - before) / 1000;
    before = now;
    for (const key of held) HELD[key](actions, seconds);
    requestAnimationFrame(frame);
  };
  element.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLElement && event.target.matches('input, select, button')) return;
    const key = event.key.toLowerCase();
    if (Object.hasOwn(PRESSED, key)) PRESSED[key](actions);
    else if (!Object.hasOwn(HELD, key)) return;
    else if (!held.has(key)) {
      HELD[key](actions, TAP_MS / 1000);
      held.add(key);
      if (held.size === 1) {
        before = performance.now();
        requestAnimationFrame(frame);
      }
    }
    event.preventDefault();
  });
  element.addEventListener('keyup', (event) => held.delete(event.key.toLowerCase()));
  element.addEventListener('blur', () => held.clear());
}
