/** Whether the host's clock is synchronised, by the word of a program that stands for systemd's. */
import { expect, test } from 'vitest';
import { hostIsSynchronised, watchSynchronised } from '../../../agent/run/host-clock.ts';
import { fakePrograms } from '../sensors/fake-program.ts';

test.each([
  ['chrony has set it', '[ "$*" = "show --property=NTPSynchronized --value" ] && echo yes', true],
  ['nobody has', 'echo no', false],
  ['there is no systemd to ask', 'echo "System has not been booted with systemd" >&2; exit 1', false],
])('%s', async (_, body, expected) => {
  expect(await hostIsSynchronised({ PATH: await fakePrograms({ timedatectl: body }) })).toBe(expected);
});

test('no such program: not known', async () => {
  expect(await hostIsSynchronised({ PATH: await fakePrograms({}) })).toBe(false);
});

test('asks each minute, behind whoever wants to know, until the answer is yes', async () => {
  const answers = [false, true];
  let asked = 0;
  let nowMs = 0;
  const isSynchronised = watchSynchronised(
    async () => answers[asked++] ?? false,
    () => nowMs,
  );
  const told: boolean[] = [];
  for (const atMs of [0, 1_000, 59_999, 60_000, 61_000, 600_000]) {
    nowMs = atMs;
    told.push(isSynchronised());
    await Promise.resolve();
    await Promise.resolve();
  }
  expect(told).toEqual([false, false, false, false, true, true]);
  expect(asked).toBe(2);
});
