/** What a service manager listens on. */
import { openForeignLibrary } from '../../../agent/foreign-library.ts';
import { readyValue } from '../sensors/outcome.ts';

export interface NotifySocket {
  /** Everything that has arrived. */
  heard(): string[];
}

/** A datagram socket as systemd has one: Node cannot make it, so libc does. */
export async function listenAsSystemd(path: string): Promise<NotifySocket> {
  const libc = readyValue(await openForeignLibrary(['libc.so.6']));
  const socket = libc.bind('socket', ['uint32', 'uint32', 'uint32'])!;
  const bind = libc.bind('bind', ['uint32', 'buffer', 'uint32'])!;
  const receive = libc.bind('recv', ['uint32', 'buffer', 'uint64', 'uint32'])!;
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`);
  const address = Buffer.concat([Buffer.from([1, 0]), name]);
  const descriptor = socket(1, 2, 0);
  if (bind(descriptor, address, address.length) !== 0) throw new Error(`cannot listen on ${path}`);
  return {
    heard(): string[] {
      const messages: string[] = [];
      for (;;) {
        const buffer = Buffer.alloc(256);
        // MSG_DONTWAIT
        const length = receive(descriptor, buffer, 256n, 0x40);
        if (length < 0) return messages;
        messages.push(buffer.toString('utf8', 0, length));
      }
    },
  };
}
