/** The real agent as a child process: enrolled once, started again with growing pauses should it end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IngestBody } from '../../shared/wire/ingest.ts';
import { CommandError } from '../command-error.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A run this long was no crash at start: the pause begins anew. */
const STEADY_MS = 60_000;
/** After SIGTERM the agent saves and leaves; what still runs then is ended. */
const GRACE_MS = 5_000;

export interface AgentOptions {
  readonly root: string;
  readonly dataFolder: string;
  readonly serverUrl: string;
}

export interface AgentProcess {
  stop(): Promise<void>;
}

export const agentStateFolder = (dataFolder: string): string => join(dataFolder, 'agent');

/** Whether the server takes the token that the agent's state holds; one may have been revoked, or be another database's. */
export async function isEnrolled({ dataFolder, serverUrl }: AgentOptions): Promise<boolean> {
  const token = heldToken(join(agentStateFolder(dataFolder), 'node.json'));
  if (token === null) return false;
  const noReports: IngestBody = { version: 1, sentAtMs: Date.now(), agentVersion: 'start', reports: [] };
  const { status } = await fetch(`${serverUrl}/v1/ingest`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(noReports),
  });
  return status !== 401 && status !== 403;
}

/** Null where there is none, or none that can be read: enrolling writes the file anew. */
function heldToken(credentialsFile: string): string | null {
  try {
    return (JSON.parse(readFileSync(credentialsFile, 'utf8')) as { token: string }).token;
  } catch {
    return null;
  }
}

/** Enrols this host with a key that is good for one use. Throws `CommandError` with what the agent said. */
export async function enrolAgent(options: AgentOptions, enrolmentKey: string): Promise<void> {
  const child = spawnAgent(options, ['enroll', '--url', options.serverUrl], {
    WATTSHED_ENROLMENT_KEY: enrolmentKey,
  });
  const { code, said } = await outcomeOf(child);
  if (code !== 0)
    throw new CommandError(`this host could not be enrolled: ${said.trim() || `exit code ${code}`}`);
}

/** Keeps one agent running until `stop`; tells of each process that it starts. */
export function runAgent(options: AgentOptions, onStart: (pid: number) => void): AgentProcess {
  let stopping = false;
  let child: ChildProcess;
  let restart: NodeJS.Timeout | undefined;
  let pauseMs = FIRST_PAUSE_MS;

  const start = () => {
    const startedAt = performance.now();
    child = spawnAgent(options, ['run']);
    if (child.pid !== undefined) onStart(child.pid);
    for (const stream of [child.stdout, child.stderr]) {
      // Ctrl-C ends workerd at once: what the agent says of that on its way out is no news.
      stream?.on('data', (text) => stopping || process.stderr.write(text));
    }
    child.once('close', (code, signal) => {
      if (stopping) return;
      if (performance.now() - startedAt > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
      console.error(
        `wattshed: the agent ended (${signal ?? `exit code ${code}`}); starting it again in ${pauseMs / 1_000} s`,
      );
      restart = setTimeout(start, pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    });
  };
  start();

  return {
    async stop() {
      stopping = true;
      clearTimeout(restart);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = exitOf(child);
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await ended;
      clearTimeout(kill);
    },
  };
}

function spawnAgent(
  options: AgentOptions,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const stateFolder = agentStateFolder(options.dataFolder);
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  return spawn(process.execPath, [join(options.root, 'dist/wattshed.mjs'), ...args], {
    // A group of its own: Ctrl-C reaches the launcher alone, which stops the agent while the server still answers.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, WATTSHED_STATE_DIR: stateFolder, WATTSHED_URL: options.serverUrl, ...env },
  });
}

async function outcomeOf(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text) => {
      said += text;
    });
  }
  return { code: await exitOf(child), said };
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}
