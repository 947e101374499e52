/** What cannot be delivered or read is kept here for a person, up to a bound; the first evidence stays. */
import { join } from 'node:path';
import { type FileSystem, hasCode } from './file-system.ts';

export class Quarantine {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #limitBytes: number;

  constructor(fileSystem: FileSystem, directory: string, limitBytes: number) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#limitBytes = limitBytes;
  }

  /**
   * False when the bound is reached and nothing was written. A name that is taken holds the same thing from an earlier
   * try. Throws what the disk throws.
   */
  async keep(name: string, bytes: Uint8Array): Promise<boolean> {
    await this.#fileSystem.makeDirectory(this.#directory);
    if ((await this.#size()) + bytes.length > this.#limitBytes) return false;
    try {
      const file = await this.#fileSystem.create(join(this.#directory, name));
      try {
        await file.append(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    await this.#fileSystem.syncDirectory(this.#directory);
    return true;
  }

  async #size(): Promise<number> {
    let total = 0;
    for (const name of await this.#fileSystem.list(this.#directory)) {
      total += await this.#fileSystem.size(join(this.#directory, name));
    }
    return total;
  }
}
