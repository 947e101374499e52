import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSmiParser } from '../../../../agent/sensors/nvidia/smi-parser.ts';
import { fixture } from '../host-tree.ts';

const recorded = (name: string) => readFileSync(fixture(`nvidia-smi/${name}.csv`), 'utf8');

const HEADER = 'index, uuid, name, driver_version, power.draw [W], utilization.gpu [%]\n';
const row = (index: number, power: string, utilization = '93') =>
  `${index}, GPU-${index}, NVIDIA H100 80GB HBM3, 550.54.15, ${power}, ${utilization}\n`;

describe('recorded output of many drivers', () => {
  test.each([
    ['geforce-rtx-2080-super_595.71.05_idle', 39.32, 0, '595.71.05'],
    ['geforce-rtx-2080-super_610.57.04_load', 98.14, 0.08, '610.57.04'],
    ['geforce-rtx-4080-super_595.71.05_load', 84.24, 0.07, '595.71.05'],
    ['h100-80gb-hbm3_590.48.01_load', 631.95, 1, '590.48.01'],
    ['h100-mig_590.48.01_load', 433.78, null, '590.48.01'],
    ['h200-mig_590.48.01_idle', 78.28, null, '590.48.01'],
    ['h200_590.48.01_load', 627.4, 1, '590.48.01'],
    ['l40s_595.80_load', 110.23, 0.09, '595.80'],
    ['windows-geforce-rtx-2080-super_610.62_idle', 39.25, 0, '610.62'],
    ['slice_h100-mig', 433.78, null, ''],
  ])('%s', (name, powerWatts, utilizationRatio, driverVersion) => {
    const parser = createSmiParser();
    const rows = parser.push(recorded(name));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ powerWatts, utilizationRatio, driverVersion });
    expect(rows[0]?.uuid).toMatch(/^GPU-/);
    expect(parser.counts).toMatchObject({ badLines: 0, rowsWithoutUuid: 0, powersWithoutValue: 0 });
  });

  test.each(['rtx3090_nounits_without_uuid', 'unknown_error_without_uuid'])(
    '%s: without a uuid nobody knows which GPU a row is of, so there is none',
    (name) => {
      const parser = createSmiParser();
      expect(parser.push(recorded(name))).toEqual([]);
      expect(parser.counts.badLines).toBe(20);
    },
  );
});

describe('cells', () => {
  test.each([
    '[N/A]',
    'N/A',
    '[Not Supported]',
    '[Unknown Error]',
    '[Function Not Found]',
    '[Requested functionality has been deprecated]',
    '[Insufficient Permissions]',
    '[GPU requires reset]',
    'ERR!',
    '',
    '-1.00',
    '123,45',
    '1e3',
    'NaN',
    '631.95 kW',
  ])('%j is no power, and is counted', (cell) => {
    const parser = createSmiParser();
    const rows = parser.push(HEADER + row(0, cell));
    expect(rows).toMatchObject([{ powerWatts: null, utilizationRatio: 0.93 }]);
    expect(parser.counts).toMatchObject({ powersWithoutValue: 1, lastWord: cell });
  });

  test('0 W from a GPU that answers is a fault, not a reading', () => {
    const parser = createSmiParser();
    expect(parser.push(HEADER + row(0, '0.00'))).toMatchObject([{ powerWatts: null }]);
    expect(parser.counts.powersWithoutValue).toBe(1);
  });

  test('a unit may stand behind the number, or not, whatever the header says', () => {
    const rows = createSmiParser().push(HEADER + row(0, '42.5 W', '7 %') + row(1, '42.5', '7'));
    expect(rows.map((r) => [r.powerWatts, r.utilizationRatio])).toEqual([
      [42.5, 0.07],
      [42.5, 0.07],
    ]);
  });

  test('the mean over a second wins over the plain column, that over the instantaneous one', () => {
    const header = 'uuid, power.draw.instant [W], power.draw [W], power.draw.average [W], utilization.gpu\n';
    const rows = createSmiParser().push(
      `${header}GPU-a, 1, 2, 3, 0\nGPU-b, 1, 2, [N/A], 0\nGPU-c, 1, [N/A], [N/A], 0\n`,
    );
    expect(rows.map((r) => r.powerWatts)).toEqual([3, 2, 1]);
  });
});

describe('lines', () => {
  test('a GPU that is lost fills every cell with the same word: no row, never 0 W', () => {
    const parser = createSmiParser();
    const lost = `${Array(6).fill('[GPU is lost]').join(', ')}\n`;
    expect(parser.push(HEADER + row(0, '298.1') + lost).map((r) => r.uuid)).toEqual(['GPU-0']);
    expect(parser.push('No devices were found\n')).toEqual([]);
    expect(parser.counts).toMatchObject({
      rowsWithoutUuid: 1,
      badLines: 1,
      lastWord: '[GPU is lost]',
      lastMessage: 'No devices were found',
    });
  });

  test('a torn last line is not a row until it is whole', () => {
    const parser = createSmiParser();
    const line = row(0, '631.95');
    expect(parser.push(HEADER + line.slice(0, -6))).toEqual([]);
    expect(parser.push(line.slice(-6))).toMatchObject([{ powerWatts: 631.95 }]);
  });

  test('a line with another number of fields is dropped and counted, the next ones count', () => {
    const parser = createSmiParser();
    const rows = parser.push(`${HEADER}0, GPU-0, NVIDIA H1\n${row(1, '70.1')}`);
    expect(rows.map((r) => r.uuid)).toEqual(['GPU-1']);
    expect(parser.counts.badLines).toBe(1);
  });

  test('NUL bytes of a hole are no content, blank lines and a repeated header no rows', () => {
    const parser = createSmiParser();
    const nul = '\0'.repeat(2533);
    const rows = parser.push(`${HEADER}${nul}\n${row(0, '70.1')}\r\n\n${HEADER}${nul}`);
    expect(rows).toHaveLength(1);
    expect(parser.counts).toMatchObject({ badLines: 0, rowsWithoutUuid: 0 });
  });

  test('a line without an end does not grow for ever', () => {
    const parser = createSmiParser();
    for (let i = 0; i < 20; i++) parser.push('x'.repeat(10_000));
    expect(parser.counts.badLines).toBeGreaterThan(0);
    expect(parser.push(`\n${HEADER}${row(0, '70.1')}`)).toHaveLength(1);
  });

  test('however the output is cut, the same rows come out', () => {
    const text = HEADER + row(0, '631.95') + row(1, '[N/A]') + row(2, '70.20 W', '0 %');
    const whole = createSmiParser().push(text);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (cuts) => {
        const parser = createSmiParser();
        const edges = [0, ...cuts.sort((a, b) => a - b), text.length];
        const rows = edges.slice(1).flatMap((end, i) => parser.push(text.slice(edges[i], end)));
        expect(rows).toEqual(whole);
      }),
    );
  });
});
