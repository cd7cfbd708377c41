/** Models that conclude nothing: they measure, for histograms and facts. No detector asks them, no snapshot keeps them. */
import type { Model, World } from '../core/world.ts';
import { CallbackModel } from './sync/callback.ts';

/** They see every event after the models that they rest on. */
export function createMeasures(world: World): readonly Model[] {
  return [new CallbackModel(world)];
}
