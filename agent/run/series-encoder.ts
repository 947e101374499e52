/** The power series as the wire carries it: coded, deflated, base64. */
import { deflateRawSync } from 'node:zlib';
import { encodeSeries } from '../../shared/ledger/series-codec.ts';

export function encodeSeriesForWire(samplesWatts: readonly (number | null)[]): string {
  return deflateRawSync(encodeSeries(samplesWatts)).toString('base64');
}
