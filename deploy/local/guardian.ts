/**
 * Ends what a launcher leaves behind that was killed (`kill -9`, out of memory): its workerd would keep the port and the
 * database. A small shell of its own session hears of the launcher's end by the end of its own standard input.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Guardian {
  /** To be ended with the launcher: `signal` goes to it then, if it is still the program of that name. */
  watch(pid: number, programName: string, signal: 'KILL' | 'TERM'): void;
  /** Ends what is still there of it. */
  stop(): Promise<void>;
}

/** Without /proc it ends nothing, rather than a process of somebody else. */
const SCRIPT = `
while read -r signal pid name; do wards="$wards $signal/$pid/$name"; done
for ward in $wards; do
  signal=\${ward%%/*} rest=\${ward#*/}
  pid=\${rest%%/*} name=\${rest#*/}
  if grep -aqsF -e "$name" "/proc/$pid/cmdline"; then kill -s "$signal" "$pid"; fi
done`;

export function startGuardian(): Guardian {
  const shell = spawn('sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = new Promise<void>((resolve) => {
    shell.once('error', () => resolve()).once('exit', () => resolve());
  });
  shell.stdin.on('error', () => {});
  return {
    watch: (pid, programName, signal) => shell.stdin.write(`${signal} ${pid} ${programName}\n`),
    async stop() {
      shell.stdin.end();
      await ended;
    },
  };
}

/** Children of this process that run the program; none where there is no /proc. */
export function childrenRunning(programName: string): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && runs(name, programName))
      .map(Number);
  } catch {
    return [];
  }
}

function runs(pid: string, programName: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return parent === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(programName);
  } catch {
    return false;
  }
}
