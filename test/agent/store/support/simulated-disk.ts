/**
 * A disk whose power can be cut at any single call. It keeps apart what was written and what was synced, for the bytes of
 * a file as for the names of a directory.
 */
import { basename, dirname } from 'node:path';
import type { AppendFile, FileSystem } from '../../../../agent/store/file-system.ts';

/** What a power cut leaves of what was not synced. */
export type Remains =
  /** Nothing: neither bytes nor names. */
  | 'nothing'
  /** All of it, as after `kill -9`. */
  | 'everything'
  /** Names, and of each file half of the bytes. */
  | 'half'
  /** Names and lengths, but zeros for bytes. */
  | 'zeros';

export const ALL_REMAINS: readonly Remains[] = ['nothing', 'everything', 'half', 'zeros'];

export class PowerCut extends Error {}

interface Inode {
  bytes: Buffer;
  syncedLength: number;
  readonly linkText?: string;
}

interface Directory {
  names: Map<string, Inode>;
  syncedNames: Map<string, Inode>;
}

export class SimulatedDisk implements FileSystem {
  readonly #directories = new Map<string, Directory>();
  /** Calls so far. */
  calls = 0;
  /** The call at which the power goes: it is begun and not finished. */
  cutAtCall = Number.POSITIVE_INFINITY;
  isOff = false;
  /** Asked before each call: an error code makes the call fail with it. */
  fault: (call: string) => string | null = () => null;

  /** The disk as the next start finds it. */
  afterPowerCut(remains: Remains): SimulatedDisk {
    const disk = new SimulatedDisk();
    for (const [path, directory] of this.#directories) {
      const kept = remains === 'nothing' ? directory.syncedNames : directory.names;
      const names = new Map([...kept].map(([name, inode]) => [name, leftOf(inode, remains)]));
      disk.#directories.set(path, { names, syncedNames: new Map(names) });
    }
    return disk;
  }

  /** For damage: the bytes themselves. */
  bytesOf(path: string): Buffer {
    return this.#inode(path).bytes;
  }

  async makeDirectory(path: string): Promise<void> {
    this.#call('makeDirectory', () => {
      if (!this.#directories.has(path))
        this.#directories.set(path, { names: new Map(), syncedNames: new Map() });
    });
  }

  async list(path: string): Promise<string[]> {
    return this.#call('list', () => [...this.#directory(path).names.keys()]);
  }

  async size(path: string): Promise<number> {
    return this.#call('size', () => this.#inode(path).bytes.length);
  }

  async readAll(path: string): Promise<Buffer> {
    return this.#call('readAll', () => Buffer.from(this.#inode(path).bytes));
  }

  async readRange(path: string, offset: number, length: number): Promise<Buffer> {
    return this.#call('readRange', () =>
      Buffer.from(this.#inode(path).bytes.subarray(offset, offset + length)),
    );
  }

  async create(path: string): Promise<AppendFile> {
    const inode: Inode = { bytes: Buffer.alloc(0), syncedLength: 0 };
    this.#call('create', () => this.#add(path, inode));
    return {
      append: async (bytes) =>
        this.#call(
          'append',
          () => append(inode, bytes),
          () => append(inode, bytes.subarray(0, Math.floor(bytes.length / 2))),
        ),
      sync: async () =>
        this.#call('sync', () => {
          inode.syncedLength = inode.bytes.length;
        }),
      close: async () => this.#call('close', () => {}),
    };
  }

  async truncate(path: string, length: number): Promise<void> {
    this.#call('truncate', () => {
      const inode = this.#inode(path);
      inode.bytes = inode.bytes.subarray(0, length);
      inode.syncedLength = length;
    });
  }

  async remove(path: string): Promise<void> {
    this.#call('remove', () => {
      this.#inode(path);
      this.#directory(dirname(path)).names.delete(basename(path));
    });
  }

  async rename(from: string, to: string): Promise<void> {
    this.#call('rename', () => {
      const inode = this.#inode(from);
      this.#directory(dirname(from)).names.delete(basename(from));
      this.#directory(dirname(to)).names.set(basename(to), inode);
    });
  }

  async createLink(path: string, text: string): Promise<void> {
    this.#call('createLink', () =>
      this.#add(path, { bytes: Buffer.alloc(0), syncedLength: 0, linkText: text }),
    );
  }

  async readLink(path: string): Promise<string> {
    return this.#call('readLink', () => this.#inode(path).linkText ?? '');
  }

  async syncDirectory(path: string): Promise<void> {
    this.#call('syncDirectory', () => {
      const directory = this.#directory(path);
      directory.syncedNames = new Map(directory.names);
    });
  }

  #call<T>(name: string, effect: () => T, halfEffect: () => void = () => {}): T {
    if (this.isOff) throw new PowerCut('no power');
    this.calls += 1;
    const code = this.fault(name);
    if (code !== null) {
      halfEffect();
      throw errorWithCode(code);
    }
    if (this.calls === this.cutAtCall) {
      this.isOff = true;
      halfEffect();
      throw new PowerCut('power cut');
    }
    return effect();
  }

  #add(path: string, inode: Inode): void {
    const { names } = this.#directory(dirname(path));
    if (names.has(basename(path))) throw errorWithCode('EEXIST');
    names.set(basename(path), inode);
  }

  #directory(path: string): Directory {
    const directory = this.#directories.get(path);
    if (directory === undefined) throw errorWithCode('ENOENT');
    return directory;
  }

  #inode(path: string): Inode {
    const inode = this.#directory(dirname(path)).names.get(basename(path));
    if (inode === undefined) throw errorWithCode('ENOENT');
    return inode;
  }
}

function append(inode: Inode, bytes: Uint8Array): void {
  inode.bytes = Buffer.concat([inode.bytes, bytes]);
}

function leftOf(inode: Inode, remains: Remains): Inode {
  const synced = inode.bytes.subarray(0, inode.syncedLength);
  const unsynced = inode.bytes.subarray(inode.syncedLength);
  const left = {
    nothing: Buffer.alloc(0),
    everything: unsynced,
    half: unsynced.subarray(0, Math.floor(unsynced.length / 2)),
    zeros: Buffer.alloc(unsynced.length),
  }[remains];
  const bytes = Buffer.concat([synced, left]);
  return { ...inode, bytes, syncedLength: bytes.length };
}

function errorWithCode(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
