/** What an agent says of jobs, down to the hour that is stored. */
import { expect, test } from 'vitest';
import { decodeHour } from '../../../shared/ledger/hour-codec.ts';
import type { JobReport } from '../../../shared/wire/ingest.ts';
import { call } from '../support/api.ts';
import { body, database, device, newNode, numberOf, report, send } from './support.ts';

const share = (energyMillijoules: number, allocatedMilliseconds: number) => ({
  id: device().id,
  energyMillijoules,
  allocatedMilliseconds,
});

async function storedShares(nodeId: string) {
  const row = await database
    .prepare('SELECT ledger FROM node_hours WHERE key / 2097152 = ?1')
    .bind(await numberOf(nodeId))
    .first<{ ledger: number[] }>();
  return decodeHour(Uint8Array.from(row!.ledger))
    .windows.flat()
    .flatMap(({ jobShares }) => jobShares);
}

test('shares are stored to the millijoule, with how the job came to them; by allocation is not marked', async () => {
  const { nodeId, token } = await newNode('shared-gpu');
  const jobs: JobReport[] = [
    { id: 'slurm:c:1', attribution: 'allocation', devices: [share(97_500_001, 150_000)] },
    { id: 'slurm:c:2', user: 'ada', attribution: 'utilization', devices: [share(97_499_999, 149_999)] },
    { id: 'slurm:c:3', devices: [share(0, 1)] },
  ];
  expect(await send(token, [report({ jobs })])).toMatchObject({ accepted: 1, quarantined: [] });
  const stored = await storedShares(nodeId);
  expect(stored.map(({ jobNumber: _, deviceIndex: __, ...rest }) => rest)).toEqual([
    { energyMillijoules: 97_500_001, allocatedMilliseconds: 150_000 },
    { energyMillijoules: 97_499_999, allocatedMilliseconds: 149_999, attribution: 'utilization' },
    { energyMillijoules: 0, allocatedMilliseconds: 1 },
  ]);
});

test('the same revision with another attribution is a conflict: it says something else', async () => {
  const { token } = await newNode('two-minds');
  const of = (attribution: 'turns' | 'slices') =>
    report({ jobs: [{ id: 'slurm:c:1', attribution, devices: [share(1, 1)] }] });
  await send(token, [of('turns')]);
  expect(await send(token, [of('turns')])).toMatchObject({ unchanged: 1 });
  expect((await call('POST', '/v1/ingest', body([of('slices')]), { token })).status).toBe(409);
});

test('an attribution that nobody knows is refused by name', async () => {
  const { token } = await newNode('guess');
  const jobs = [{ id: 'slurm:c:1', attribution: 'guess', devices: [] }];
  const response = await call('POST', '/v1/ingest', body([{ ...report(), jobs }]), { token });
  expect(response.status).toBe(422);
  expect(await response.text()).toContain('attribution');
});
