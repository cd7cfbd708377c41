/** The tools that print what we store: the yardstick of the budgets. Used when they are installed. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';

export interface Measured {
  readonly wallNs: number;
  readonly cpuNs: number;
}

export interface Peer {
  readonly name: string;
  readonly magic: string;
  readonly command: string;
}

const PEERS: readonly Peer[] = [
  { name: 'trace-cmd report', magic: '\x17\x08\x44tracing', command: 'trace-cmd report -i "$1"' },
  { name: 'perf script', magic: 'PERFILE2', command: 'perf script -i "$1"' },
];

/** The peer that reads this capture, if it is installed. */
export function peerOf(path: string): Peer | undefined {
  const head = Buffer.alloc(16);
  const file = openSync(path, 'r');
  readSync(file, head);
  closeSync(file);
  const peer = PEERS.find(({ magic }) => head.toString('latin1').startsWith(magic));
  if (!peer) return undefined;
  const tool = peer.command.split(' ')[0];
  return spawnSync('bash', ['-c', `command -v ${tool}`]).status === 0 ? peer : undefined;
}

/** One trial of a peer, its output thrown away. */
export function runPeer(peer: Peer, path: string): Measured {
  const script = `TIMEFORMAT='%R %U %S'; time ${peer.command} >/dev/null 2>/dev/null`;
  const { stderr } = spawnSync('bash', ['-c', script, 'bench', path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  const [wall, user, system] = stderr.trim().split(' ').map(Number);
  return { wallNs: wall * 1e9, cpuNs: (user + system) * 1e9 };
}
