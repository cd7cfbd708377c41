/** What this capture can show, for verdicts that would otherwise take "not recorded" for "did not happen". */
import type { Visibility } from './holdout-verdict.ts';
import type { Models } from './models.ts';
import type { World } from './world.ts';

export function visibility(world: World, models: Models): Visibility {
  return { nmi: world.count('nmi_handler') > 0, tickNs: models.cpu.tickNs() };
}
