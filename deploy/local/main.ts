/** Wires `npm start`: server, site, agent and demo fleet, in this order, and their end in the opposite one. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DAY_MS } from '../../shared/time/window.ts';
import { build } from '../build/build.mjs';
import { CommandError } from '../command-error.ts';
import { type AgentProcess, agentStateFolder, enrolAgent, isEnrolled, runAgent } from './agent-process.ts';
import { createApi } from './api.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { type Demo, startDemo } from './demo/run-demo.ts';
import { childrenRunning, type Guardian, startGuardian } from './guardian.ts';
import { HELP, parseOptions, type StartOptions } from './options.ts';
import { freePort, type Server, startServer } from './server.ts';
import { assertKnownZone, createEnrolmentKey, ensureSite, LOCAL_SITE } from './site.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

const DEMO_HISTORY_MS = 30 * DAY_MS;

interface Running {
  readonly guardian: Guardian;
  server?: Server;
  agent?: AgentProcess;
  demo?: Demo;
}

export async function main(argv: readonly string[]): Promise<void> {
  try {
    const options = parseOptions(argv);
    if (options === 'help') {
      console.log(HELP);
      return;
    }
    if (options.gridZone !== null) assertKnownZone(options.gridZone);
    await start(options);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.error(`wattshed: ${error.message}`);
    process.exit(error.exitCode);
  }
}

async function start(options: StartOptions): Promise<void> {
  const folder = await openDataFolder(options.dataFolder);
  const running: Running = { guardian: startGuardian() };
  try {
    const port = await freePort(options.listenAddress, options.port);
    await build();
    running.server = await startServer({
      root,
      dataFolder: folder.path,
      listenAddress: options.listenAddress,
      port,
      adminSecretSha256: folder.adminSecretSha256,
      shards: folder.keepShards(options.shards),
    });
    for (const pid of childrenRunning('workerd')) running.guardian.watch(pid, 'workerd', 'KILL');
    stopOnSignal(running, folder);
    const api = createApi(running.server.url, folder.adminToken);
    const gridZone = await ensureSite(api, options.gridZone);
    const agentOptions = { root, dataFolder: folder.path, serverUrl: running.server.url };
    if (options.agent) {
      if (!(await isEnrolled(agentOptions))) {
        await enrolAgent(agentOptions, await createEnrolmentKey(api, LOCAL_SITE));
      }
      running.agent = runAgent(agentOptions, (pid) => running.guardian.watch(pid, 'wattshed.mjs', 'TERM'));
    }
    console.log(welcome(running.server.url, folder, gridZone, options.agent));
    if (options.demo) {
      running.demo = startDemo({
        serverUrl: running.server.url,
        api,
        databases: running.server.databases,
        createEnrolmentKey: (site, uses) => createEnrolmentKey(api, site, uses),
        historyMs: DEMO_HISTORY_MS,
      });
    }
  } catch (error) {
    await stopAll(running, folder);
    throw error;
  }
}

function stopOnSignal(running: Running, folder: DataFolder): void {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, async () => {
      if (stopping) return;
      stopping = true;
      console.log('\nwattshed: stopping');
      await stopAll(running, folder);
      process.exit(0);
    });
  }
}

/** The agent first: its last report still finds the server. */
async function stopAll(running: Running, folder: DataFolder): Promise<void> {
  await running.agent?.stop();
  await running.demo?.stop();
  await running.server?.stop();
  await running.guardian.stop();
  folder.release();
}

function welcome(url: string, folder: DataFolder, zone: string, hasAgent: boolean): string {
  const path = shown(folder.adminTokenFile);
  const zoneLine =
    zone === 'WORLD'
      ? 'WORLD: a yearly average. Set the real one: npm start -- --zone KEY (DE, FR, US-CAL-CISO, ...)'
      : zone;
  return `
Wattshed is running.

  Page         ${url}/
  Admin token  in ${path} (show it: cat ${path})
  Grid zone    ${zoneLine}
  API          curl -H "Authorization: Bearer $(cat ${path})" ${url}/v1/fleet/emissions
               documented at ${url}/docs
${hasAgent ? `  This host    node dist/wattshed.mjs doctor --state-dir ${shown(agentStateFolder(folder.path))} (or status)\n` : ''}
Ctrl-C stops it all; the data stays in ${shown(folder.path)}.
`;
}

/** As a person in this folder would type it. */
function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') ? path : fromHere;
}
