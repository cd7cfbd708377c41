/** Text that is longer than the screen goes through a pager, as git does it. */
import { spawnSync } from 'node:child_process';

/** Shows a text on the terminal; false when there is no pager to do it. */
export interface Pager {
  /** Lines of the screen. */
  readonly rows: number;
  show(text: string): boolean;
}

/**
 * The pager of the user: QUIESCE_PAGER, PAGER, else `less`, which ends at once when everything fits and leaves colours alone. `cat` or an
 * empty one is none.
 */
export function userPager(env: NodeJS.ProcessEnv, rows: number | undefined): Pager | undefined {
  const command = env.QUIESCE_PAGER ?? env.PAGER ?? 'less';
  if (rows === undefined || rows <= 0 || command === '' || command === 'cat') return undefined;
  return {
    rows,
    show: (text) => {
      const shell = spawnSync(command, {
        shell: true,
        input: text,
        stdio: ['pipe', 'inherit', 'inherit'],
        env: { ...env, LESS: env.LESS ?? 'FRX' },
      });
      // 127: the shell knows no such command.
      return shell.error === undefined && shell.status !== 127;
    },
  };
}
