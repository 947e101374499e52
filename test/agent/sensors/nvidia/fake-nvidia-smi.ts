import { join } from 'node:path';
import { fakePrograms } from '../fake-program.ts';

/**
 * @param body shell lines, as of `fakePrograms`
 * @returns the path of a program named nvidia-smi
 */
export async function fakeNvidiaSmi(body: string): Promise<string> {
  return join(await fakePrograms({ 'nvidia-smi': body }), 'nvidia-smi');
}
