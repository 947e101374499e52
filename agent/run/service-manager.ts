/**
 * Tells systemd that the agent is up, that it is alive, and that it stops (sd_notify(3)). Node has no datagram sockets of
 * the file system, so libc's `sendto` is called; where it cannot be, systemd's own small program says it.
 */
import { execFile } from 'node:child_process';
import { type ForeignLibrary, openForeignLibrary } from '../foreign-library.ts';

/** What the service manager is told; without one, all of it is nothing. */
export interface ServiceManager {
  /** There is something to report from now on. */
  ready(): void;
  /** Call it as often as the work is seen to go on: it tells no more often than is needed. */
  alive(nowMs: number): void;
  stopping(): void;
}

const SILENT: ServiceManager = { ready() {}, alive() {}, stopping() {} };

type Send = (message: string) => void;

/** @param env with what systemd sets: NOTIFY_SOCKET, WATCHDOG_USEC */
export async function openServiceManager(
  env: NodeJS.ProcessEnv,
  openLibrary: typeof openForeignLibrary = openForeignLibrary,
): Promise<ServiceManager> {
  const socket = env.NOTIFY_SOCKET;
  if (socket === undefined || !/^[/@]/.test(socket)) return SILENT;
  const libc = await openLibrary(['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']);
  const send = (libc.state === 'ready' && datagramTo(socket, libc.value)) || sendByProgram(env);
  // systemd gives up after the whole time; a third of it leaves room for a busy host.
  const everyMs = Number(env.WATCHDOG_USEC ?? 0) / 3_000;
  let nextAtMs = 0;
  return {
    ready: () => send('READY=1'),
    alive(nowMs) {
      if (everyMs === 0 || nowMs < nextAtMs) return;
      nextAtMs = nowMs + everyMs;
      send('WATCHDOG=1');
    },
    stopping: () => send('STOPPING=1'),
  };
}

const AF_UNIX = 1;
/** SOCK_DGRAM | SOCK_CLOEXEC */
const DATAGRAM = 2 | 0o2000000;
/** MSG_NOSIGNAL | MSG_DONTWAIT: a manager that does not listen must not hold the metering up. */
const FLAGS = 0x4000 | 0x40;

/** Null where libc lacks what is needed. */
function datagramTo(path: string, libc: ForeignLibrary): Send | null {
  const openSocket = libc.bind('socket', ['uint32', 'uint32', 'uint32']);
  const sendTo = libc.bind('sendto', ['uint32', 'buffer', 'uint64', 'uint32', 'buffer', 'uint32']);
  if (openSocket === null || sendTo === null) return null;
  const descriptor = openSocket(AF_UNIX, DATAGRAM, 0);
  if (descriptor < 0) return null;
  const address = socketAddress(path);
  return (message) => {
    const text = Buffer.from(message);
    sendTo(descriptor, text, BigInt(text.length), FLAGS, address, address.length);
  };
}

/** `sockaddr_un`: the family in the host's order, then the path; `@` stands for the zero byte of an abstract name. */
function socketAddress(path: string): Buffer {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`);
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  return address;
}

/** Needs `NotifyAccess=all`, because it is another process that speaks. */
function sendByProgram(env: NodeJS.ProcessEnv): Send {
  return (message) => {
    // Whether it arrived is systemd's to judge: it restarts what it does not hear.
    execFile('systemd-notify', [message], { env, timeout: 10_000 }, () => {});
  };
}
