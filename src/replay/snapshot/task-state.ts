/** Tasks as a snapshot keeps them, and references to tasks as numbers. */
import { Task, type TaskModel } from '../model/task/task.ts';
import { loadObjects, type Rows, SnapshotError, saveRows } from './plain.ts';

export interface TaskSnapshot {
  /** The living ones first, then those that something still refers to. */
  readonly tasks: Rows;
  readonly living: number;
  /** CPU and number of the task whose stack may still come. */
  readonly awaitingStack: readonly (readonly [cpu: number, task: number])[];
}

/** Numbers tasks while the other models are saved; a task that is gone but still referred to gets a number too. */
export class TaskNumbers {
  readonly #model: TaskModel;
  readonly #numbers = new Map<Task, number>();

  constructor(model: TaskModel) {
    this.#model = model;
    for (const task of model.all()) this.of(task);
  }

  of(task: Task): number {
    let number = this.#numbers.get(task);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(task, number);
    }
    return number;
  }

  /** To be called last. */
  save(): TaskSnapshot {
    const awaitingStack: [number, number][] = [];
    this.#model.awaitingStack.forEach((task, cpu) => {
      if (task) awaitingStack.push([cpu, this.of(task)]);
    });
    return { tasks: saveRows(this.#numbers.keys()), living: [...this.#model.all()].length, awaitingStack };
  }
}

/** Puts the tasks back. @returns the task of a number @throws SnapshotError */
export function loadTasks(model: TaskModel, saved: TaskSnapshot): (number: number) => Task {
  const tasks = loadObjects<Task>(saved.tasks, (value) => new Task(value('key') as number, value('tid') as number));
  for (const task of tasks.slice(0, saved.living)) model.restore(task);
  for (const [cpu, number] of saved.awaitingStack) model.awaitingStack[cpu] = tasks[number];
  return (number) => {
    const task = tasks[number];
    if (!task) throw new SnapshotError(`refers to task ${number} of ${tasks.length}`);
    return task;
  };
}
