import { ROLLUP_VERSION } from '../../../shared/rollup/roll-up.ts';
import { catalogSha256 } from '../factor-versions.ts';

/** What sums of this software are made with: others are to be made anew. */
export const sumsMadeWith = async (): Promise<string> => `${ROLLUP_VERSION}/${await catalogSha256()}`;
