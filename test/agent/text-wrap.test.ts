import { expect, test } from 'vitest';
import { beside } from '../../agent/text-wrap.ts';

const TEXT = 'absent: no NVIDIA GPU on the PCI bus and no driver loaded';

test('what is too long for the terminal goes on below where it began', () => {
  expect(beside('nvml  ', 6, TEXT, 44)).toBe(
    'nvml  absent: no NVIDIA GPU on the PCI bus\n      and no driver loaded',
  );
});

test.each([
  ['no terminal', null],
  ['a wide one', 80],
  ['one that is too narrow for two columns', 37],
])('one line where there is %s', (_, columns) => {
  expect(beside('nvml  ', 6, TEXT, columns)).toBe(`nvml  ${TEXT}`);
});

test('colours of the label take no room, and a long word stays whole', () => {
  const path = `/${'a'.repeat(60)}`;
  expect(beside('\u001b[32mok\u001b[0m  ', 4, `in ${path} it is`, 50)).toBe(
    `\u001b[32mok\u001b[0m  in\n    ${path}\n    it is`,
  );
});
