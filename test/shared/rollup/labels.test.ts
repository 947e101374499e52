import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeLabel,
  decodeLabelHours,
  decodeLabelSums,
  encodedLabels,
  encodeLabel,
  encodeLabelRows,
} from '../../../shared/rollup/label-codec.ts';
import {
  LABEL_TABLES,
  type LabelDay,
  type LabelKey,
  LabelledHours,
  type LabelSums,
  labelDayOf,
} from '../../../shared/rollup/label-sums.ts';
import {
  IDLE_OWNER,
  jobOwner,
  NODE,
  OwnerSums,
  UNATTRIBUTED_OWNER,
  VALUES,
} from '../../../shared/rollup/owner-sums.ts';

const owner = fc.constantFrom(NODE, IDLE_OWNER, UNATTRIBUTED_OWNER, jobOwner(1), jobOwner(2), jobOwner(3));
const sums = fc
  .record({
    slots: fc.array(fc.option(fc.nat(2 ** 30)), { minLength: 12, maxLength: 12 }),
    values: fc.array(fc.nat(2 ** 30), { minLength: VALUES, maxLength: VALUES }),
    gpus: fc.uniqueArray(fc.nat(16), { maxLength: 4 }),
    inFleet: fc.boolean(),
    reporting: fc.boolean(),
  })
  .map(({ slots, values, gpus, ...flags }) => {
    const made = new OwnerSums(12, values);
    slots.forEach((all, slot) => {
      if (all !== null) made.addEnergies(slot, all, all >> 1, all >> 2);
    });
    made.gpus = gpus.sort((a, b) => a - b);
    return Object.assign(made, flags);
  });
const owners = fc.uniqueArray(fc.tuple(owner, sums), { selector: ([own]) => own, minLength: 1 });
const hours = fc.array(
  fc.record({ nodeNumber: fc.integer({ min: 1, max: 3_000 }), group: fc.nat(2), hour: fc.nat(23), owners }),
  { minLength: 1, maxLength: 12 },
);
const names = fc.array(fc.option(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('none'))), {
  minLength: 12,
  maxLength: 12,
});
const KEYS = ['job', 'project', 'phase', 'user'] as const;

/** Sets as the numbers in them. */
const plain = ({ sums: own, present, reporting, gpus }: LabelSums) => ({
  values: own.values,
  energies: own.energies,
  sets: [present, reporting, gpus].map((set) =>
    [...set.chunks].filter(([, bits]) => bits.some((bit) => bit > 0)).sort(([a], [b]) => a - b),
  ),
});
const nameOf = ({ group, kind, value }: LabelKey) => JSON.stringify([group, kind, value]);
const plainDays = (days: readonly LabelDay[]) =>
  Object.fromEntries(
    days.map((day) => [
      nameOf(day),
      [...day.hours].sort(([a], [b]) => a - b).map(([hour, own]) => [hour, plain(own)]),
    ]),
  );

test('what is read is what was written, hour by hour and as a day, however long the rows', () => {
  fc.assert(
    fc.property(hours, names, fc.constantFrom(1, 500, 300_000), (told, words, maxBytes) => {
      const labelled = new LabelledHours((job, key) => words[job * 3 + KEYS.indexOf(key) - 1] ?? null);
      for (const each of told) labelled.addNode(each.nodeNumber, each.group, each.hour, new Map(each.owners));
      for (const table of LABEL_TABLES) {
        const days = labelled.of(table);
        const rows = encodeLabelRows(days.map(encodeLabel), maxBytes);
        const read = rows.flatMap((row) => [...decodeLabelHours(row.hours, () => true)]);
        expect(plainDays(read)).toEqual(plainDays(days));
        expect(plainDays(rows.flatMap(encodedLabels).map(decodeLabel))).toEqual(plainDays(days));
        const whole = rows.flatMap((row) => [...decodeLabelSums(row.sums, () => true)]);
        expect(Object.fromEntries(whole.map((each) => [nameOf(each), plain(each.sums)]))).toEqual(
          Object.fromEntries(days.map((day) => [nameOf(day), plain(labelDayOf(day.hours))])),
        );
      }
    }),
  );
});

test('every label has what its jobs had, and a job without a name is not one that is named "none"', () => {
  const labelled = new LabelledHours((job) => (job === 1 ? 'none' : null));
  const had = (millijoules: number) => {
    const own = new OwnerSums(12);
    own.addEnergies(3, millijoules, 0, 0);
    own.reporting = true;
    own.gpus = [millijoules % 7];
    return own;
  };
  const node = Object.assign(new OwnerSums(12), { inFleet: true, reporting: true });
  labelled.addNode(
    70,
    1,
    5,
    new Map([
      [NODE, node],
      [jobOwner(1), had(10)],
      [jobOwner(2), had(4)],
    ]),
  );
  labelled.addNode(
    900,
    1,
    5,
    new Map([
      [NODE, node],
      [jobOwner(1), had(3)],
      [IDLE_OWNER, had(9)],
    ]),
  );
  const energies = (table: (typeof LABEL_TABLES)[number]) =>
    Object.fromEntries(
      labelled
        .of(table)
        .map(({ kind, value, hours: own }) => [
          `${kind} ${value}`,
          [own.get(5)!.sums.energyMillijoules, own.get(5)!.present.size, own.get(5)!.gpus.size],
        ]),
    );
  expect(energies('project')).toEqual({ 'job none': [13, 2, 2], 'job null': [4, 1, 1] });
  expect(energies('job')).toEqual({ 'job 1': [13, 2, 2], 'job 2': [4, 1, 1] });
  expect(energies('noJob')).toEqual({ 'nodes null': [0, 2, 0], 'idle null': [9, 1, 1] });
});

test('damaged rows are refused', () => {
  const labelled = new LabelledHours(() => 'llm');
  labelled.addNode(1, 0, 0, new Map([[jobOwner(1), new OwnerSums(12)]]));
  const [row] = encodeLabelRows(labelled.of('project').map(encodeLabel), 1_000);
  const other = row!.sums.slice();
  other[0] = 9;
  expect(() => [...decodeLabelSums(other, () => true)]).toThrow('unknown format 9 of sums by label');
  expect(() => [...decodeLabelSums(row!.sums.subarray(0, -1), () => true)]).toThrow('end too early');
});
