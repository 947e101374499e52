import { describe, expect, it } from 'vitest';
import { backOffMs, retryAfterMs } from '../../../agent/ship/back-off.ts';

describe('backing off', () => {
  it('spreads over the whole span, never to nothing and never beyond five minutes', () => {
    expect(backOffMs(1, 0)).toBe(1_000);
    expect(backOffMs(4, 0.5)).toBe(20_500);
    expect(backOffMs(7, 0.999_999)).toBe(300_000);
    expect(backOffMs(5_000, 0.999_999)).toBe(300_000);
  });

  it.each([
    [undefined, null],
    ['', null],
    ['soon', null],
    ['0', 0],
    ['120', 120_000],
    ['31536000', 3_600_000],
    ['Tue, 14 Nov 2023 22:14:20 GMT', 60_000],
    ['Tue, 14 Nov 2023 22:00:00 GMT', 0],
  ])('reads Retry-After: %s', (header, expected) => {
    expect(retryAfterMs(header, Date.UTC(2023, 10, 14, 22, 13, 20))).toBe(expected);
  });
});
