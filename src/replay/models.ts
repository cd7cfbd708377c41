/** The models of a replay and the order in which they see each event: context before tasks, tasks before what they wait for. */
import { CpuModel } from './model/cpu.ts';
import type { Model, World } from './world.ts';

export interface Models {
  readonly cpu: CpuModel;
  readonly order: readonly Model[];
}

export function createModels(world: World): Models {
  const cpu = new CpuModel(world);
  return { cpu, order: [cpu] };
}
