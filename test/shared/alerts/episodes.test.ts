import fc from 'fast-check';
import { expect, test } from 'vitest';
import { episodeId } from '../../../shared/alerts/episode-id.ts';
import {
  IDLE,
  type MachineState,
  openSpan,
  type Signal,
  type Span,
  step,
} from '../../../shared/alerts/machine.ts';
import { type Correction, type Episode, reconcile } from '../../../shared/alerts/reconcile.ts';
import { dueTransitions, type Transition } from '../../../shared/alerts/transitions.ts';
import { referenceEpisodes } from './reference.ts';

const WINDOW_MS = 300_000;
const NOTHING = { energyMillijoules: 0, grams: 0 };

const signal = fc.constantFrom<Signal>('on', 'off', 'band', 'unknown');
/** Runs, so that episodes happen; single windows, so that they tremble. */
const signals = fc
  .array(fc.tuple(signal, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 25 })
  .map((runs) => runs.flatMap(([one, length]) => Array<Signal>(length).fill(one)));
const timing = fc.record({
  forMinutes: fc.constantFrom(0, 5, 15),
  holdMinutes: fc.constantFrom(0, 10, 30),
  cooldownMinutes: fc.constantFrom(0, 45),
});

function spansOf(
  series: readonly Signal[],
  given: { forMinutes: number; holdMinutes: number; cooldownMinutes: number },
  from = 0,
  before: MachineState = IDLE,
): { spans: Span[]; state: MachineState } {
  let state = before;
  const spans: Span[] = [];
  for (let i = from; i < series.length; i++) {
    const next = step(state, i * WINDOW_MS, series[i]!, NOTHING, given);
    state = next.state;
    if (next.resolved !== null) spans.push(next.resolved);
  }
  const open = openSpan(state);
  return { spans: open === null ? spans : [...spans, open], state };
}

test('the state machine finds what a look at the whole series finds', () => {
  fc.assert(
    fc.property(signals, timing, (series, given) => {
      const found = spansOf(series, given).spans.map(({ amounts: _, ...span }) => span);
      expect(found).toEqual(referenceEpisodes(series, 0, given));
    }),
    { numRuns: 500 },
  );
});

test('a condition that trembles at its threshold is one episode', () => {
  const series = Array.from({ length: 200 }, (_, i): Signal => (i < 3 || i % 2 === 0 ? 'on' : 'off'));
  const { spans } = spansOf([...series, ...Array<Signal>(12).fill('off')], {
    forMinutes: 15,
    holdMinutes: 30,
    cooldownMinutes: 0,
  });
  expect(spans).toHaveLength(1);
});

/** A rule as the evaluation keeps it: folded again from the beginning at each run. */
class Kept {
  episodes: Episode[] = [];
  readonly told: Transition[] = [];
  readonly corrections: Correction[] = [];
  headMs = 0;

  run(
    series: readonly Signal[],
    given: Parameters<typeof spansOf>[1],
    silencedAt = (_: number) => false,
  ): void {
    const toMs = series.length * WINDOW_MS;
    const results = reconcile(this.episodes, spansOf(series, given).spans, {
      headMs: this.headMs,
      nowMs: toMs,
      idOf: (firedAtMs) => episodeId('rule', '', 'DE', firedAtMs),
    });
    this.episodes = [];
    for (const { episode: found, corrections } of results) {
      const news = { headMs: this.headMs, toMs, renotifyMinutes: 60, silencedAt };
      const { episode, due } = dueTransitions(found, news);
      this.episodes.push(episode);
      this.told.push(...due);
      this.corrections.push(...corrections);
    }
    this.headMs = toMs;
  }
}

const ids = (kept: Kept) => kept.told.map(({ id }) => id).sort();

test('runs that are missed or late tell the same as one after each window', () => {
  fc.assert(
    fc.property(
      signals,
      timing,
      fc.array(fc.integer({ min: 1, max: 40 })),
      fc.array(fc.tuple(fc.nat(200), fc.nat(20)), { maxLength: 2 }),
      (series, given, strides, silences) => {
        const silencedAt = (atMs: number) =>
          silences.some(([from, length]) => atMs / WINDOW_MS >= from && atMs / WINDOW_MS < from + length);
        const punctual = new Kept();
        for (let end = 1; end <= series.length; end++) punctual.run(series.slice(0, end), given, silencedAt);
        const late = new Kept();
        let end = 0;
        for (const stride of strides) {
          end = Math.min(series.length, end + stride);
          late.run(series.slice(0, end), given, silencedAt);
        }
        late.run(series, given, silencedAt);
        late.run(series, given, silencedAt);
        expect(ids(late)).toEqual(ids(punctual));
        expect(late.episodes).toEqual(punctual.episodes);
        expect(late.corrections).toEqual([]);
        expect(punctual.corrections).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

test('whatever is restated: one firing and one resolve at most, and the episodes are what the windows say', () => {
  const edit = fc.record({ at: fc.nat(220), length: fc.integer({ min: 1, max: 12 }), to: signal });
  fc.assert(
    fc.property(
      signals,
      timing,
      fc.array(
        fc.record({ stride: fc.integer({ min: 0, max: 30 }), edits: fc.array(edit, { maxLength: 4 }) }),
      ),
      (series, given, runs) => {
        const kept = new Kept();
        const current = [...series];
        let end = 0;
        for (const { stride, edits } of [...runs, { stride: series.length, edits: [] }]) {
          for (const { at, length, to } of edits)
            for (let i = at; i < Math.min(at + length, current.length); i++) current[i] = to;
          end = Math.min(current.length, end + stride);
          kept.run(current.slice(0, end), given);
        }
        const all = ids(kept);
        expect(new Set(all).size).toBe(all.length);
        for (const { id } of kept.told.filter(({ kind }) => kind === 'resolved'))
          expect(all).toContain(id.replace(':resolved', ':firing'));
        expect(new Set(kept.episodes.map(({ id }) => id)).size).toBe(kept.episodes.length);
        const { spans } = spansOf(current, given);
        const live = kept.episodes.filter((episode) => !episode.withdrawn);
        for (const span of spans) {
          const over = live.filter(
            ({ startMs, endMs }) =>
              startMs <= span.startMs && (endMs === null || (span.endMs !== null && endMs >= span.endMs)),
          );
          expect(over).toHaveLength(1);
        }
        for (const { startMs } of live) expect(spans.map((span) => span.startMs)).toContain(startMs);
        const open = live.filter(({ endMs }) => endMs === null);
        expect(open.length).toBe(spans.filter(({ endMs }) => endMs === null).length);
      },
    ),
    { numRuns: 500 },
  );
});

test('one that was withdrawn and is there again after all goes on under its id, and is told once', () => {
  const given = { forMinutes: 0, holdMinutes: 0, cooldownMinutes: 0 };
  const kept = new Kept();
  for (const signal of ['on', 'unknown', 'on', 'off'] as const) kept.run([signal, signal], given);
  expect(kept.episodes).toHaveLength(1);
  expect(kept.corrections.map(({ kind }) => kind)).toEqual(['withdrawn', 'reopened', 'withdrawn']);
  expect(kept.told.filter(({ kind }) => kind === 'firing')).toHaveLength(1);
});

test('an episode whose edges move keeps its id, is corrected and told once', () => {
  const given = { forMinutes: 15, holdMinutes: 15, cooldownMinutes: 0 };
  const kept = new Kept();
  const series: Signal[] = [...Array(5).fill('off'), ...Array(6).fill('on'), ...Array(5).fill('off')];
  kept.run(series, given);
  const [first] = kept.episodes;
  expect(first).toMatchObject({ startMs: 5 * WINDOW_MS, endMs: 11 * WINDOW_MS });
  series[4] = 'on';
  series[11] = 'on';
  kept.run(series, given);
  expect(kept.episodes).toMatchObject([{ id: first!.id, startMs: 4 * WINDOW_MS, endMs: 12 * WINDOW_MS }]);
  expect(kept.corrections).toMatchObject([
    { kind: 'edgesMoved', startMs: 5 * WINDOW_MS, endMs: 11 * WINDOW_MS },
  ]);
  series.fill('off');
  kept.run(series, given);
  expect(kept.episodes).toMatchObject([{ id: first!.id, withdrawn: true }]);
  expect(kept.corrections.at(-1)).toMatchObject({ kind: 'withdrawn' });
  expect(kept.told.map(({ kind }) => kind)).toEqual(['firing', 'resolved']);
});

test('what was over before anybody could know is recorded and never sent', () => {
  const given = { forMinutes: 0, holdMinutes: 0, cooldownMinutes: 0 };
  const kept = new Kept();
  kept.run(Array(12).fill('off'), given);
  const series: Signal[] = [...Array(4).fill('on'), ...Array(8).fill('off')];
  kept.run(series, given);
  expect(kept.episodes).toMatchObject([{ startMs: 0, endMs: 4 * WINDOW_MS, firingSent: false }]);
  expect(kept.corrections).toMatchObject([{ kind: 'foundLate' }]);
  expect(kept.told).toEqual([]);
});

test('a silence keeps an episode back until it ends, and says it again no oftener than asked', () => {
  const given = { forMinutes: 0, holdMinutes: 0, cooldownMinutes: 0 };
  const kept = new Kept();
  const series: Signal[] = [...Array(30).fill('on'), 'off'];
  kept.run(series, given, (atMs) => atMs <= 6 * WINDOW_MS);
  expect(kept.told).toMatchObject([
    { kind: 'firing', atMs: 7 * WINDOW_MS },
    { kind: 'renotify', atMs: 13 * WINDOW_MS, id: expect.stringMatching(/:renotify:1$/) },
    { kind: 'renotify', atMs: 25 * WINDOW_MS, id: expect.stringMatching(/:renotify:2$/) },
    { kind: 'resolved', atMs: 31 * WINDOW_MS },
  ]);
});
