/** Wires `npm run deploy` to this machine. */
import { fileURLToPath } from 'node:url';
import { build } from '../build/build.mjs';
import { CommandError } from '../command-error.ts';
import { ARCHITECTURES, fetchNativeFile } from '../package/native-files.mjs';
import { type DeployWorld, deploy, dryRun } from './deploy.ts';
import { HELP, parseOptions } from './options.ts';
import { askIn } from './terminal.ts';
import { createWrangler } from './wrangler.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Returns the exit code: 0 done, 1 could not, 2 wrong command line. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options === 'help') {
      console.log(HELP);
      return 0;
    }
    fetchForAgents();
    await build();
    const world: DeployWorld = {
      root,
      env: process.env,
      wrangler: createWrangler(`${root}/node_modules/wrangler/bin/wrangler.js`, root, process.env),
      say: console.log,
      ask: process.stdin.isTTY && !options.yes ? askIn(process.stdin, process.stdout) : null,
    };
    await (options.dryRun ? dryRun : deploy)(options, world);
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.error(`wattshed: ${error.message}`);
    return error.exitCode;
  }
}

/** Hosts of either architecture install the agent from the Worker; npm brought only this machine's files. */
function fetchForAgents(): void {
  for (const arch of ARCHITECTURES) {
    try {
      fetchNativeFile('koffi', arch);
    } catch (error) {
      const reason = (error as Error).message.split('\n')[0];
      console.error(
        `wattshed: no koffi for ${arch} (${reason}): agents there read nvidia-smi instead of NVML`,
      );
    }
  }
}
