import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberSet } from '../../shared/number-set.ts';

const numbers = fc.array(fc.nat({ max: 2_000 }), { maxLength: 40 });
const setOf = (members: readonly number[]) => {
  const set = new NumberSet();
  for (const member of members) set.add(member);
  return set;
};
const isSame = (a: NumberSet, b: NumberSet) => a.differences(b).size === 0;

test('a union holds what either holds, and grows by itself', () => {
  fc.assert(
    fc.property(numbers, numbers, fc.nat({ max: 2_000 }), (some, others, more) => {
      const added = setOf(others);
      const union = setOf(some);
      union.addAll(added);
      expect(union.size).toBe(new Set([...some, ...others]).size);
      union.add(more);
      expect(isSame(added, setOf(others))).toBe(true);
    }),
  );
});

test('the differences of two sets turn one into the other, and neither is changed by what becomes of it', () => {
  fc.assert(
    fc.property(numbers, numbers, fc.nat({ max: 2_000 }), (some, others, more) => {
      const [from, to] = [setOf(some), setOf(others)];
      const differences = to.differences(from);
      const turned = from.toggled(differences);
      expect(isSame(turned, to)).toBe(true);
      turned.add(more);
      expect(isSame(from, setOf(some))).toBe(true);
      expect(isSame(from.toggled(differences), to)).toBe(true);
    }),
  );
});

test('what two sets have in common is in both, however many it is', () => {
  fc.assert(
    fc.property(numbers, numbers, fc.nat({ max: 2_000 }), (some, others, more) => {
      const common = setOf(some).and(setOf(others));
      const expected = new Set(some.filter((number) => others.includes(number)));
      expect(common.size).toBe(expected.size);
      expect(isSame(common, setOf([...expected]))).toBe(true);
      common.add(more);
      expect(common.size).toBe(expected.add(more).size);
    }),
  );
});
