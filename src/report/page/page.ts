/** The script of a report page: what the HTML cannot do by itself. */
import type { PageData } from '../block/page-data.ts';
import { decodeTimeline } from '../block/timeline-block.ts';
import { watchCharts } from './charts.ts';
import { watchFilters } from './filter.ts';
import { watchFindings } from './findings.ts';
import { inflateBlock } from './inflate.ts';
import { TimelineView } from './timeline/view.ts';

const textOf = (id: string): string => document.getElementById(id)?.textContent ?? '';

async function start(): Promise<void> {
  const data = JSON.parse(textOf('data')) as PageData;
  watchFilters();
  watchCharts(data.charts);
  const views = new Map<number, TimelineView>();
  watchFindings((run) => views.get(run));
  const bytes = await inflateBlock(textOf('block'));
  for (const section of document.querySelectorAll<HTMLElement>('section.timeline')) {
    const runNo = Number(section.dataset.run);
    const run = data.runs[runNo];
    views.set(runNo, new TimelineView(section, decodeTimeline(run.timeline, bytes), run));
  }
  for (const [event, printing] of [
    ['beforeprint', true],
    ['afterprint', false],
  ] as const)
    window.addEventListener(event, () => {
      for (const view of views.values()) view.forPaper(printing);
    });
  document.documentElement.dataset.ready = 'true';
}

start().catch((error: unknown) => {
  for (const section of document.querySelectorAll('section.timeline'))
    section.append(`The timeline cannot be drawn: ${error instanceof Error ? error.message : String(error)}`);
  document.documentElement.dataset.ready = 'failed';
});
