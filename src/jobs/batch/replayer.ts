/** Replays items in a process beside this one: a capture that exhausts the memory ends that process, not the batch. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { companionScript, RUNS_COMPILED } from '../../../schema/index.ts';
import { type ItemAnswer, type ItemTask, replayItem } from './replay-item.ts';

/** A process that holds more than this after an item is replaced by a new one. */
const LARGEST_RSS_BYTES = 768 << 20;

export interface Replayer {
  replay(task: ItemTask): Promise<ItemAnswer>;
  /** Resolves when its process is gone, and writes no more. */
  close(): Promise<void>;
}

export function newReplayer(): Replayer {
  return RUNS_COMPILED ? new ProcessReplayer() : { replay: replayItem, close: () => Promise.resolve() };
}

class ProcessReplayer implements Replayer {
  #process: ChildProcess | undefined;
  /** Answers whoever waits for a process that is ended. */
  #giveUp: (() => void) | undefined;

  async replay(task: ItemTask): Promise<ItemAnswer> {
    const answer = await this.#ask(task);
    if (answer.kind === 'failed' || answer.rssBytes > LARGEST_RSS_BYTES) await this.close();
    return answer;
  }

  #ask(task: ItemTask): Promise<ItemAnswer> {
    this.#process ??= fork(fileURLToPath(companionScript('batch-process')), [], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const child = this.#process;
    return new Promise((settle) => {
      const resolve = (answer: ItemAnswer): void => {
        this.#giveUp = undefined;
        settle(answer);
      };
      this.#giveUp = () => resolve({ kind: 'failed', message: 'ended before it was done', fatal: false });
      const ended = (code: number | null, signal: string | null): void => {
        this.#process = undefined;
        const how = signal === null ? `status ${code}` : signal;
        resolve({ kind: 'failed', message: `its process ended early (${how}); out of memory?`, fatal: false });
      };
      child.once('exit', ended);
      child.once('message', (answer: ItemAnswer) => {
        child.off('exit', ended);
        resolve(answer);
      });
      child.send(task, (error) => {
        if (error) child.kill();
      });
    });
  }

  async close(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.removeAllListeners();
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    this.#giveUp?.();
    await gone;
  }
}
