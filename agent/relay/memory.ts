/**
 * What the relay remembers across restarts: whose token the server has accepted, as hashes, and the server's time. Only
 * for these may it keep reports, so that a stranger cannot fill its disk.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../store/file-system.ts';
import { replaceFile } from '../store/replace-file.ts';
import type { SavedTime, UpstreamClock } from './upstream-clock.ts';

const FILE = 'accepted.json';

interface Saved {
  readonly time: SavedTime | null;
  readonly reportEverySeconds: number;
  /** Node id to the SHA-256 of its whole token, hex; the one heard of last stands last. */
  readonly nodes: readonly (readonly [string, string])[];
}

export interface RelayMemoryOptions {
  readonly directory: string;
  readonly clock: UpstreamClock;
  readonly maxNodes: number;
  readonly log: (line: string) => void;
}

export class RelayMemory {
  readonly #options: RelayMemoryOptions;
  readonly #nodes: Map<string, string>;
  /** As the server last asked for. */
  reportEverySeconds: number;
  #saving: Promise<void> | null = null;
  #isStale = false;

  /** A damaged file is as good as none: the server is asked about each token again. */
  constructor(options: RelayMemoryOptions) {
    this.#options = options;
    const saved = readSaved(join(options.directory, FILE));
    options.clock.resume(saved.time);
    this.reportEverySeconds = saved.reportEverySeconds;
    this.#nodes = new Map(saved.nodes.slice(-options.maxNodes));
  }

  get size(): number {
    return this.#nodes.size;
  }

  isAccepted(nodeId: string, token: string): boolean {
    const known = this.#nodes.get(nodeId);
    return known !== undefined && timingSafeEqual(Buffer.from(known, 'hex'), digest(token));
  }

  /** The server took this token for this node; of too many nodes the one that was silent for longest is forgotten. */
  accept(nodeId: string, token: string): void {
    const hash = digest(token).toString('hex');
    const isNew = this.#nodes.get(nodeId) !== hash;
    this.#nodes.delete(nodeId);
    this.#nodes.set(nodeId, hash);
    if (this.#nodes.size > this.#options.maxNodes) this.#nodes.delete(this.#nodes.keys().next().value!);
    if (isNew) void this.save();
  }

  /** The server refused it: nothing more is kept under it. */
  forget(nodeId: string, token: string): void {
    if (!this.isAccepted(nodeId, token)) return;
    this.#nodes.delete(nodeId);
    void this.save();
  }

  /** One write at a time, the newest last. A disk that refuses costs what is remembered, and is said. */
  save(): Promise<void> {
    this.#isStale = true;
    this.#saving ??= this.#saveAll().finally(() => {
      this.#saving = null;
    });
    return this.#saving;
  }

  async #saveAll(): Promise<void> {
    const { directory, clock, log } = this.#options;
    while (this.#isStale) {
      this.#isStale = false;
      const saved: Saved = {
        time: clock.saved,
        reportEverySeconds: this.reportEverySeconds,
        nodes: [...this.#nodes],
      };
      try {
        await replaceFile(join(directory, FILE), JSON.stringify(saved));
      } catch (error) {
        log(`cannot remember which tokens the server takes: ${(error as Error).message}`);
      }
    }
  }
}

const digest = (token: string) => createHash('sha256').update(token).digest();

function readSaved(path: string): Saved {
  const none: Saved = { time: null, reportEverySeconds: 60, nodes: [] };
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return none;
    throw error;
  }
  try {
    const { time, reportEverySeconds, nodes } = JSON.parse(text) as Saved;
    const isWhole = nodes.every(([id, hash]) => typeof id === 'string' && /^[0-9a-f]{64}$/.test(hash));
    return isWhole ? { time, reportEverySeconds, nodes } : none;
  } catch {
    return none;
  }
}
