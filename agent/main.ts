/** Entry point: wires the process to the command line. */
import { runCli } from './cli/cli.ts';
import { processIo } from './cli/process-io.ts';

// Sockets and timers of others must not keep a finished command alive.
process.exit(await runCli(process.argv.slice(2), processIo()));
