/** For each kind of finding: could this capture decide it, and if not, what was missing (DESIGN "Honesty rules"). */
import type { Assessment, Finding } from '../../schema/index.ts';
import type { Models } from './models.ts';
import type { World } from './world.ts';

export function assessAll(_world: World, _models: Models, _findings: readonly Finding[]): Assessment[] {
  return [];
}
