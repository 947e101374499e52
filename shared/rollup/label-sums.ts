/**
 * What jobs of one label (one job, or those of one project, phase or user) had over all nodes of a site and GPU model, so that
 * an answer about them is told without reading the nodes. Summed from what owners had of each node; `docs/decisions/0014`.
 */
import { gpuNumber } from '../emissions/join.ts';
import { JOB_KEYS, type JobKey } from '../emissions/owners.ts';
import { NumberSet } from '../number-set.ts';
import { WINDOWS_PER_HOUR } from '../time/window.ts';
import {
  dayOfHours,
  IDLE_OWNER,
  jobOfOwner,
  NODE,
  OwnerSums,
  UNATTRIBUTED_OWNER,
  VALUES,
} from './owner-sums.ts';

/** To be raised whenever the same hours of nodes come to other sums: then all days are summed again. */
export const LABELS_VERSION = 1;

/** What is kept apart: what no job had, with the nodes themselves, and jobs by each of their keys. */
export const LABEL_TABLES = ['noJob', ...JOB_KEYS] as const;
export type LabelTable = (typeof LABEL_TABLES)[number];

/** `nodes` are the nodes themselves: time and hardware that their owners share. */
export const LABEL_KINDS = ['nodes', 'idle', 'unattributed', 'job'] as const;
export type LabelKind = (typeof LABEL_KINDS)[number];

export interface LabelKey {
  /** Number of the group of site and GPU model. */
  readonly group: number;
  readonly kind: LabelKind;
  /** The value that its jobs have, of a job itself its number; null where nobody said. */
  readonly value: string | null;
}

/** Of an hour or of a day. */
export class LabelSums {
  readonly sums: OwnerSums;
  /** Nodes on which it was: of the nodes themselves, those in the fleet. */
  readonly present: NumberSet;
  readonly reporting: NumberSet;
  /** By `gpuNumber`. */
  readonly gpus: NumberSet;

  constructor(
    sums: OwnerSums,
    present = new NumberSet(),
    reporting = new NumberSet(),
    gpus = new NumberSet(),
  ) {
    this.sums = sums;
    this.present = present;
    this.reporting = reporting;
    this.gpus = gpus;
  }

  /** Adds what it had of one node in an hour. */
  addOwner(nodeNumber: number, isPresent: boolean, { values, energies, reporting, gpus }: OwnerSums): void {
    for (let i = 0; i < VALUES; i++) this.sums.values[i]! += values[i]!;
    const { all, lowUtilization, componentsOnly } = energies;
    for (let slot = 0; slot < all.length; slot++)
      if (all[slot]! >= 0)
        this.sums.addEnergies(slot, all[slot]!, lowUtilization[slot]!, componentsOnly[slot]!);
    if (isPresent) this.present.add(nodeNumber);
    if (reporting) this.reporting.add(nodeNumber);
    for (const index of gpus) this.gpus.add(gpuNumber(nodeNumber, index));
  }
}

export interface LabelDay extends LabelKey {
  /** By hour of the day. */
  readonly hours: Map<number, LabelSums>;
}

/** The day that its hours come to. */
export function labelDayOf(hours: ReadonlyMap<number, LabelSums>): LabelSums {
  const sums = dayOfHours(new Map([...hours].map(([hour, own]) => [hour, own.sums])));
  const day = new LabelSums(sums);
  let before: LabelSums | null = null;
  for (const own of hours.values()) {
    for (const set of ['present', 'reporting', 'gpus'] as const)
      if (own[set] !== before?.[set]) day[set].addAll(own[set]);
    before = own;
  }
  return day;
}

const NOTHING = new OwnerSums(WINDOWS_PER_HOUR);

/** Sums hours of one day by label, node after node. */
export class LabelledHours {
  readonly #tables = new Map<LabelTable, Map<string, LabelDay>>(
    LABEL_TABLES.map((table) => [table, new Map()]),
  );
  readonly #labelOf: (jobNumber: number, key: JobKey) => string | null;

  constructor(labelOf: (jobNumber: number, key: JobKey) => string | null) {
    this.#labelOf = labelOf;
  }

  /** @param owners all that this node has in this hour in this group */
  addNode(nodeNumber: number, group: number, hour: number, owners: ReadonlyMap<number, OwnerSums>): void {
    const add = (
      table: LabelTable,
      kind: LabelKind,
      value: string | null,
      own: OwnerSums,
      isPresent = true,
    ) => this.#of(table, { group, kind, value }, hour).addOwner(nodeNumber, isPresent, own);
    const node = owners.get(NODE) ?? NOTHING;
    add('noJob', 'nodes', null, node, node.inFleet);
    for (const [owner, own] of owners) {
      const job = jobOfOwner(owner);
      if (job === null) continue;
      for (const key of JOB_KEYS) add(key, 'job', key === 'job' ? String(job) : this.#labelOf(job, key), own);
    }
    for (const [owner, kind] of [
      [IDLE_OWNER, 'idle'],
      [UNATTRIBUTED_OWNER, 'unattributed'],
    ] as const) {
      const own = owners.get(owner);
      if (own !== undefined) add('noJob', kind, null, own);
    }
  }

  of(table: LabelTable): readonly LabelDay[] {
    return [...this.#tables.get(table)!.values()];
  }

  #of(table: LabelTable, key: LabelKey, hour: number): LabelSums {
    const days = this.#tables.get(table)!;
    const name = labelName(key);
    const day = days.get(name) ?? { ...key, hours: new Map<number, LabelSums>() };
    days.set(name, day);
    const sums = day.hours.get(hour) ?? new LabelSums(new OwnerSums(WINDOWS_PER_HOUR));
    day.hours.set(hour, sums);
    return sums;
  }
}

/** One text for each label of a table. */
export const labelName = ({ group, kind, value }: LabelKey): string => JSON.stringify([group, kind, value]);
