import fc from 'fast-check';
import type { HourLedger, LedgerDevice, LedgerEpoch } from '../../../shared/ledger/hour.ts';
import { ENERGY_KINDS } from '../../../shared/wire/ingest.ts';

const energy = fc.integer({ min: 0, max: 9_000_000_000 });

function device(deviceIndex: number): fc.Arbitrary<LedgerDevice> {
  return fc.record({
    deviceIndex: fc.constant(deviceIndex),
    meteredMilliseconds: fc.oneof(fc.constant(300_000), fc.integer({ min: 0, max: 300_000 })),
    energyMillijoules: energy,
    kind: fc.constantFrom(...ENERGY_KINDS),
    recoveredMillijoules: fc.oneof(fc.constant(0), energy),
    integratedMillijoules: fc.option(energy),
    idleMillijoules: fc.oneof(fc.constant(0), energy),
    utilizationRatio: fc.option(fc.integer({ min: 0, max: 10_000 }).map((steps) => steps / 10_000)),
  });
}

export function epochOf(
  name: fc.Arbitrary<string> = fc.stringMatching(/^[a-z0-9]{8,32}$/),
): fc.Arbitrary<LedgerEpoch> {
  return fc.record({
    epoch: name,
    revision: fc.integer({ min: 1, max: 1_000 }),
    final: fc.boolean(),
    contentDigest: fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    devices: fc
      .uniqueArray(fc.integer({ min: 0, max: 20 }), { maxLength: 6 })
      .chain((indexes) => fc.tuple(...indexes.map(device))),
    jobShares: fc.array(
      fc.record(
        {
          jobNumber: fc.integer({ min: 1, max: 1e6 }),
          deviceIndex: fc.integer({ min: 0, max: 20 }),
          energyMillijoules: energy,
          allocatedMilliseconds: fc.integer({ min: 0, max: 300_000 }),
          attribution: fc.constantFrom('slices', 'turns', 'utilization', 'processes'),
        },
        { requiredKeys: ['jobNumber', 'deviceIndex', 'energyMillijoules', 'allocatedMilliseconds'] },
      ),
      { maxLength: 3 },
    ),
  });
}

export function hourOf(): fc.Arbitrary<HourLedger> {
  const window = fc.uniqueArray(epochOf(), { maxLength: 2, selector: ({ epoch }) => epoch });
  return fc.record({ windows: fc.array(window, { minLength: 12, maxLength: 12 }) });
}
