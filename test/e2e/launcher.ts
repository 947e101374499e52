/** `npm start` as a real process: the launcher with its workerd and its agent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Launch {
  readonly pid: number;
  /** Standard output and error so far. */
  said(): string;
  /** Resolves once the launcher has said this; rejects with all it said if it ends before. */
  until(text: string): Promise<void>;
  /** Exit code, once it has ended. */
  readonly exit: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
}

export function launch(...args: string[]): Launch {
  return follow(process.execPath, [join(root, 'deploy/local/start.mjs'), ...args]);
}

/** As a person types it: npm is the process that gets the signal. */
export function launchByNpm(...args: string[]): Launch {
  return follow('npm', ['start', '--', ...args]);
}

function follow(command: string, args: readonly string[]): Launch {
  const child: ChildProcess = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text) => {
      said += text;
      for (const check of waiting) check();
    });
  }
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    pid: child.pid ?? 0,
    said: () => said,
    until: (text) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (said.includes(text)) resolve();
        };
        waiting.add(check);
        check();
        void exit.then(() => reject(new Error(`it ended before it said "${text}":\n${said}`)));
      }),
    exit,
    signal: (name) => child.kill(name),
  };
}

/** Process ids of a process's descendants, as /proc knows them. */
export function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = parentOf(Number(name));
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  const visit = (of: number) => {
    for (const child of children.get(of) ?? []) {
      found.push(child);
      visit(child);
    }
  };
  visit(pid);
  return found;
}

/** A process that has ended and waits for its parent counts as gone. */
export function isRunning(pid: number): boolean {
  return parentOf(pid) !== null;
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? null : Number(parent);
  } catch {
    return null;
  }
}
