import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createToken, hashSecret, parseToken } from '../../../shared/auth/token-format.ts';

const crypto = {
  randomBytes: (count: number) => new Uint8Array(randomBytes(count)),
  sha256: async (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest()),
};

test('a new token parses to its id and a secret of the stored hash', async () => {
  const { id, token, secretSha256 } = await createToken(crypto);
  expect(token).toMatch(/^wsk_[a-z0-9]{12}_[0-9A-Za-z]{34}$/);
  const parsed = parseToken(token)!;
  expect(parsed.id).toBe(id);
  expect(await hashSecret(parsed.secret, crypto)).toBe(secretSha256);
  expect(secretSha256).toBe(createHash('sha256').update(token.split('_')[2]!).digest('hex'));
});

test('the id can be given, or begin as asked', async () => {
  expect((await createToken(crypto, { id: 'admin' })).token).toMatch(/^wsk_admin_/);
  expect((await createToken(crypto, { idPrefix: 'enroll' })).id).toMatch(/^enroll[a-z0-9]{12}$/);
});

test('the secret takes every letter of its alphabet alike', async () => {
  const counts = new Map<string, number>();
  for (let index = 0; index < 2_000; index++) {
    const { token } = await createToken(crypto);
    for (const letter of token.split('_')[2]!.slice(0, 28)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  expect(counts.size).toBe(62);
  const expected = (2_000 * 28) / 62;
  // Six standard deviations: with modulo bias the first eight letters would be at +24 %, that is seven.
  for (const count of counts.values())
    expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected));
});

test('bytes that would bias the alphabet are left out', async () => {
  let call = 0;
  const biased = {
    ...crypto,
    randomBytes: (count: number) => new Uint8Array(count).fill(call++ % 2 ? 7 : 255),
  };
  const { token } = await createToken(biased);
  expect(token.split('_')[1]).toBe('7'.repeat(12));
  expect(token.split('_')[2]!.slice(0, 28)).toBe('7'.repeat(28));
});

test('a token with any one character changed, left out, added or in the other case is refused', async () => {
  const { token } = await createToken(crypto);
  await fc.assert(
    fc.property(
      fc.nat(token.length - 1),
      fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_- '),
      (place, letter) => {
        const before = token.slice(0, place);
        const after = token.slice(place + 1);
        if (letter !== token[place]) expect(parseToken(before + letter + after)).toBeNull();
        expect(parseToken(before + after)).toBeNull();
        expect(parseToken(before + letter + token.slice(place))).toBeNull();
        const flipped = /[a-z]/.test(token[place]!)
          ? token[place]!.toUpperCase()
          : token[place]!.toLowerCase();
        if (flipped !== token[place]) expect(parseToken(before + flipped + after)).toBeNull();
      },
    ),
    { numRuns: 2_000 },
  );
});

test.each(['', 'wsk__', 'wsk_admin_', 'Bearer x', 'wsk_admin_0123456789', `wsk_admin_${'é'.repeat(34)}`])(
  '%j is no token',
  (text) => expect(parseToken(text)).toBeNull(),
);
