/** The built agent as a real process, with an environment of the test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { agentBundle } from '../../../deploy/build/agent-bundle.mjs';

/** A bundle of the sources as they are now, made as `npm run build` makes it. */
export async function buildAgent(): Promise<string> {
  const outfile = join(mkdtempSync(join(tmpdir(), 'wattshed-cli-')), 'wattshed.mjs');
  await build(agentBundle(outfile));
  writeFileSync(configBeside(outfile), '{}');
  return outfile;
}

const configBeside = (agent: string) => join(dirname(agent), 'config.json');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once standard error holds the text, rejects when the process ends before. */
  said(text: string): Promise<void>;
}

export interface Run {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Default: the Node that runs the tests. */
  readonly node?: string;
}

export function start(agent: string, { args, env = {}, stdin, node = process.execPath }: Run): Started {
  const child = spawn(node, [agent, ...args], {
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', HOME: dirname(agent), WATTSHED_CONFIG: configBeside(agent), ...env },
  });
  let out = '';
  let err = '';
  const waiting = new Set<() => void>();
  child.stdout!.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text) => {
    err += text;
    for (const look of waiting) look();
  });
  if (stdin !== undefined) child.stdin!.end(stdin);
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }));
  });
  return {
    child,
    ended,
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (err.includes(text)) resolve();
        };
        waiting.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without saying "${text}": ${err}`)));
      }),
  };
}

export const run = (agent: string, options: Run): Promise<Ended> => start(agent, options).ended;
