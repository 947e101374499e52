/** What the server holds of one node, device by device, read from its database. */
import { decodeHour } from '../../shared/ledger/hour-codec.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { Harness } from './harness.ts';

export interface BookedDevice {
  energyMillijoules: number;
  meteredMilliseconds: number;
  recoveredMillijoules: number;
  integratedMillijoules: number;
}

/** By device id; only windows that start in `[fromMs, toMs)`. */
export async function bookedDevices(
  harness: Harness,
  nodeId: string,
  fromMs = 0,
  toMs = Number.POSITIVE_INFINITY,
): Promise<Map<string, BookedDevice>> {
  const database = await harness.database();
  const number = `(SELECT number FROM nodes WHERE id = '${nodeId}')`;
  const ids = (
    await database
      .prepare(`SELECT device_id AS id FROM node_devices WHERE node_number = ${number} ORDER BY device_index`)
      .all<{ id: string }>()
  ).results;
  const hours = await database
    .prepare(
      `SELECT key % 2097152 AS hour, hex(ledger) AS ledger FROM node_hours WHERE key / 2097152 = ${number}`,
    )
    .all<{ hour: number; ledger: string }>();
  const booked = new Map<string, BookedDevice>();
  for (const { hour, ledger } of hours.results) {
    for (const [index, epochs] of decodeHour(Buffer.from(ledger, 'hex')).windows.entries()) {
      const startMs = hour * 3_600_000 + index * WINDOW_MS;
      if (startMs < fromMs || startMs >= toMs) continue;
      for (const device of epochs.flatMap(({ devices }) => devices)) {
        const { id } = ids[device.deviceIndex]!;
        const sum = booked.get(id) ?? {
          energyMillijoules: 0,
          meteredMilliseconds: 0,
          recoveredMillijoules: 0,
          integratedMillijoules: 0,
        };
        sum.energyMillijoules += device.energyMillijoules;
        sum.meteredMilliseconds += device.meteredMilliseconds;
        sum.recoveredMillijoules += device.recoveredMillijoules;
        sum.integratedMillijoules += device.integratedMillijoules ?? 0;
        booked.set(id, sum);
      }
    }
  }
  return booked;
}
