/** One timeline: what it shows, how it is moved, and what it tells. */
import { scaleLinear } from 'd3-scale';
import { select } from 'd3-selection';
import { type D3ZoomEvent, type ZoomBehavior, zoom, zoomIdentity, zoomTransform } from 'd3-zoom';
import type { Timeline } from '../../../../schema/answers/timeline.ts';
import { SPAN_KINDS } from '../../../../schema/answers/timeline.ts';
import type { PageRun, TimelineFinding } from '../../block/page-data.ts';
import { type Layout, layoutOf } from '../../lanes/layout.ts';
import { pageTime } from '../format.ts';
import { paintAxis } from './axis.ts';
import { GUTTER, NARROW_GUTTER, sizeCanvas, type TimelineDom, timelineDom } from './dom.ts';
import { markAt, type SpanHit, spanAt } from './hit.ts';
import { watchKeys } from './keys.ts';
import { legend } from './legend.ts';
import { paintFinding } from './links.ts';
import { overviewHeight, overviewRows, paintOverview } from './overview.ts';
import { paintLanes, type Scene, type Viewport } from './paint.ts';
import { readPalette } from './palette.ts';
import { showMark, showSpan, Tip } from './telling.ts';

/** Nobody looks closer. */
const CLOSEST_NS = 2_000;
/** Of the length of a finding, on both sides. */
const MARGIN = 0.08;
const LEAST_FIT_NS = 50_000;
const CLICK_PIXELS = 4;
/** Of A4 or letter, with margins. */
const PAPER_WIDTH = 700;

export class TimelineView {
  readonly element: HTMLElement;
  readonly #timeline: Timeline;
  readonly #findings: readonly TimelineFinding[];
  readonly #layout: Layout;
  readonly #dom: TimelineDom;
  readonly #time;
  readonly #tip = new Tip();
  readonly #rows: readonly (readonly TimelineFinding[])[];
  readonly #zoom: ZoomBehavior<HTMLCanvasElement, unknown>;
  #scene: Scene;
  #chosen: TimelineFinding | undefined;
  #width = 0;
  #height = 0;
  #drawn = 0;
  #paper = false;

  constructor(section: HTMLElement, timeline: Timeline, run: PageRun) {
    this.element = section;
    this.#timeline = timeline;
    this.#findings = run.findings;
    this.#layout = layoutOf(timeline.lanes);
    this.#time = pageTime(run.ticks);
    this.#dom = timelineDom(section, this.#layout, run.findings);
    this.#dom.root.append(legend(this.#layout));
    this.#rows = overviewRows(run.findings);
    this.#scene = this.#makeScene();
    this.#zoom = zoom<HTMLCanvasElement, unknown>()
      // The wheel alone scrolls the page.
      .filter((event: MouseEvent) =>
        event.type === 'wheel'
          ? event.ctrlKey || event.metaKey || event.shiftKey
          : event.button === 0 || event.type.startsWith('touch'),
      )
      .clickDistance(CLICK_PIXELS)
      .on('zoom', (_: D3ZoomEvent<HTMLCanvasElement, unknown>) => this.#draw());
    select(this.#dom.canvas).call(this.#zoom).on('dblclick.zoom', null);
    this.#watch();
    this.#resize();
    // The one that is open in the text.
    const open = section.closest('article')?.querySelector<HTMLElement>('details.finding[open]');
    this.showFinding(Number(open?.dataset.finding ?? -1));
  }

  focus(): void {
    this.#dom.root.focus({ preventScroll: true });
  }

  /** @param index place of the finding in the run */
  showFinding(index: number): void {
    const finding = this.#findings.find((other) => other.index === index);
    this.#choose(finding);
    this.#fit(finding);
  }

  /** Paper is narrower than a screen, and does not scroll. */
  forPaper(printing: boolean): void {
    this.#paper = printing;
    this.#dom.root.style.width = printing ? `${PAPER_WIDTH}px` : '';
    this.#resize();
    this.#paint();
  }

  #makeScene(): Scene {
    const { strings, firstNs, sliceNs } = this.#timeline;
    const kindCodes = new Map(SPAN_KINDS.map((kind, code) => [kind, code] as const));
    return { layout: this.#layout, strings, firstNs, sliceNs, kindCodes, palette: readPalette() };
  }

  #watch(): void {
    const { root, canvas, scroll, bar, chooser, overview } = this.#dom;
    new ResizeObserver(() => this.#resize()).observe(root);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#scene = this.#makeScene();
      this.#draw();
    });
    scroll.addEventListener('scroll', () => this.#draw(), { passive: true });
    watchKeys(root, {
      zoomBy: (factor) => this.#zoomBy(factor),
      panBy: (share) => this.#panBy(share),
      scrollBy: (pixels) => scroll.scrollBy(0, pixels),
      fitFinding: () => this.#fit(this.#chosen ?? this.#findings[0]),
      fitAll: () => this.#fitAll(),
      nextFinding: (step) => this.#next(step),
      clear: () => this.#choose(undefined),
    });
    const acts: Readonly<Record<string, () => void>> = {
      finding: () => this.#fit(this.#chosen ?? this.#findings[0]),
      all: () => this.#fitAll(),
      closer: () => this.#zoomBy(0.5),
      wider: () => this.#zoomBy(2),
    };
    bar.addEventListener('click', (event) => {
      const act = event.target instanceof HTMLElement ? event.target.dataset.view : undefined;
      if (act !== undefined) acts[act]();
    });
    chooser.addEventListener('change', () => this.showFinding(chooser.value === '' ? -1 : Number(chooser.value)));
    canvas.addEventListener('pointermove', (event) => this.#hover(event));
    canvas.addEventListener('pointerleave', () => this.#tip.hide());
    canvas.addEventListener('click', (event) => this.#click(event));
    overview.addEventListener('pointerdown', (event) => this.#moveTo(event));
    overview.addEventListener('pointermove', (event) => {
      if (event.buttons === 1) this.#moveTo(event);
    });
  }

  #resize(): void {
    const { root, scroll } = this.#dom;
    const gutter = root.clientWidth < 640 ? NARROW_GUTTER : GUTTER;
    root.style.setProperty('--gutter', `${gutter}px`);
    // What was visible stays visible.
    const shown = this.#width > 0 ? this.#shown() : undefined;
    this.#width = Math.max(50, root.clientWidth - gutter);
    this.#height = this.#paper ? this.#layout.height : Math.min(this.#layout.height, scroll.clientHeight);
    const { firstNs, lastNs } = this.#timeline;
    const closest = Math.max(1, (lastNs - firstNs) / CLOSEST_NS);
    this.#zoom
      .extent([
        [0, 0],
        [this.#width, this.#height],
      ])
      .scaleExtent([0.8, closest])
      .translateExtent([
        [-0.3 * this.#width, Number.NEGATIVE_INFINITY],
        [1.3 * this.#width, Number.POSITIVE_INFINITY],
      ]);
    if (shown) this.#show(...shown);
    else this.#draw();
  }

  #base() {
    const { firstNs, lastNs } = this.#timeline;
    return scaleLinear([firstNs, Math.max(firstNs + 1, lastNs)], [0, this.#width]);
  }

  /** Instants at the edges. */
  #shown(): [number, number] {
    const [from, to] = zoomTransform(this.#dom.canvas).rescaleX(this.#base()).domain();
    return [from, to];
  }

  #show(fromNs: number, toNs: number): void {
    const base = this.#base();
    const [x0, x1] = [base(fromNs), base(toNs)];
    const k = this.#width / Math.max(1e-9, x1 - x0);
    select(this.#dom.canvas).call(this.#zoom.transform, zoomIdentity.scale(k).translate(-x0, 0));
  }

  #fit(finding: TimelineFinding | undefined): void {
    if (finding === undefined) {
      this.#fitAll();
      return;
    }
    const length = Math.max(LEAST_FIT_NS, finding.endNs - finding.startNs);
    this.#show(finding.startNs - length * MARGIN, Math.max(finding.endNs, finding.startNs + length) + length * MARGIN);
    this.#revealLanes(finding);
  }

  #fitAll(): void {
    select(this.#dom.canvas).call(this.#zoom.transform, zoomIdentity);
  }

  /** The first lane of its chain is visible. */
  #revealLanes({ steps }: TimelineFinding): void {
    const tops = steps.flatMap(({ lane }) => this.#layout.byKey.get(lane)?.top ?? []);
    if (tops.length > 0) this.#dom.scroll.scrollTop = Math.max(0, Math.min(...tops) - 30);
  }

  #zoomBy(factor: number): void {
    select(this.#dom.canvas).call(this.#zoom.scaleBy, 1 / factor);
  }

  #panBy(share: number): void {
    const { k } = zoomTransform(this.#dom.canvas);
    select(this.#dom.canvas).call(this.#zoom.translateBy, (-share * this.#width) / k, 0);
  }

  #next(step: number): void {
    const at = this.#chosen === undefined ? -Math.min(step, 0) - 1 : this.#findings.indexOf(this.#chosen);
    const { length } = this.#findings;
    if (length > 0) this.showFinding(this.#findings[(at + step + length) % length].index);
  }

  #choose(finding: TimelineFinding | undefined): void {
    this.#chosen = finding;
    this.#dom.chooser.value = finding === undefined ? '' : String(finding.index);
    const lanes = new Map(finding?.steps.map(({ lane, step }) => [lane, step] as const));
    for (const name of this.#dom.scroll.querySelectorAll<HTMLElement>('.lane'))
      name.classList.toggle('named', lanes.has(name.dataset.lane ?? ''));
    this.#dom.detail.replaceChildren(
      finding === undefined
        ? ''
        : `${finding.title}: ${finding.startNs === finding.endNs ? `at ${this.#time.at(finding.startNs)}` : `from ${this.#time.at(finding.startNs)} to ${this.#time.at(finding.endNs)}, ${this.#time.length(finding.endNs - finding.startNs)}`}`,
    );
    this.#draw();
  }

  #viewport(): Viewport {
    const [fromNs, toNs] = this.#shown();
    return {
      fromNs,
      toNs,
      width: this.#width,
      height: this.#height,
      scrollTop: this.#paper ? 0 : this.#dom.scroll.scrollTop,
    };
  }

  /** Once per frame, however often it is asked for. */
  #draw(): void {
    if (this.#drawn !== 0 || this.#width === 0) return;
    this.#drawn = requestAnimationFrame(() => {
      this.#drawn = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const view = this.#viewport();
    const ctx = sizeCanvas(this.#dom.canvas, view.width, view.height);
    ctx.clearRect(0, 0, view.width, view.height);
    paintLanes(ctx, this.#scene, view);
    if (this.#chosen) paintFinding(ctx, this.#chosen, this.#layout, this.#scene.palette, view);
    paintAxis(this.#dom.axis, view, this.#time);
    const { firstNs, lastNs } = this.#timeline;
    const height = overviewHeight(this.#rows.length);
    const strip = sizeCanvas(this.#dom.overview, view.width, height);
    const size = { width: view.width, height, firstNs, lastNs };
    paintOverview(strip, this.#rows, this.#chosen, this.#scene.palette, size, [view.fromNs, view.toNs]);
  }

  #hitAt({ offsetX, offsetY }: MouseEvent): SpanHit | undefined {
    const view = this.#viewport();
    return spanAt(this.#layout, this.#timeline.strings, view, offsetX, offsetY + view.scrollTop, this.#timeline);
  }

  #hover(event: PointerEvent): void {
    const view = this.#viewport();
    const mark = markAt(this.#chosen, this.#layout, view, event.offsetX, event.offsetY + view.scrollTop);
    if (mark) this.#tip.showMark(mark, this.#time, event);
    else this.#tip.showSpan(this.#hitAt(event), this.#time, event);
  }

  #click(event: MouseEvent): void {
    const view = this.#viewport();
    const mark = markAt(this.#chosen, this.#layout, view, event.offsetX, event.offsetY + view.scrollTop);
    if (mark && this.#chosen) {
      showMark(this.#dom.detail, mark, this.#time, this.element, this.#chosen);
      return;
    }
    const hit = this.#hitAt(event);
    if (hit) showSpan(this.#dom.detail, hit, this.#time, (fromNs, toNs) => this.#show(fromNs, toNs));
  }

  #moveTo({ offsetX }: PointerEvent): void {
    const { firstNs, lastNs } = this.#timeline;
    const [from, to] = this.#shown();
    const at = firstNs + (offsetX / this.#width) * (lastNs - firstNs);
    this.#show(at - (to - from) / 2, at + (to - from) / 2);
  }
}
