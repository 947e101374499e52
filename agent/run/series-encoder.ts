/** The power series as the wire carries it: coded, deflated, base64. */
import { constants, deflateRawSync } from 'node:zlib';
import { encodeSeries } from '../../shared/ledger/series-codec.ts';

/** Of five minutes it takes microseconds to try both: where power wanders, what repeats by chance costs more than it saves. */
const WAYS = [{ level: 9 }, { strategy: constants.Z_HUFFMAN_ONLY }];

export function encodeSeriesForWire(samplesWatts: readonly (number | null)[]): string {
  const coded = encodeSeries(samplesWatts);
  const [first, ...others] = WAYS.map((way) => deflateRawSync(coded, way));
  return others.reduce((best, each) => (each.length < best.length ? each : best), first!).toString('base64');
}
