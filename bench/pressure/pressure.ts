/** What a returning fleet asks of a server: 10,000 agents with the real pacing code against the model of one database. */
import type { Figure } from '../figures.ts';
import type { Second } from './model-server.ts';
import { returnOf } from './returning-fleet.ts';

const NODES = 10_000;
/** What local workerd with one D1 took on two cores. */
const CAPACITY = 260;

export function pressure(): Figure[] {
  const { before, after, liveAgainSeconds, clearedSeconds, longestWaitSeconds } = returnOf({
    nodes: NODES,
    databases: 1,
    capacity: CAPACITY,
    outageMinutes: 60,
    afterMinutes: 20,
    startedWithinMs: 60_000,
  });
  console.log(`minute after the outage, requests a second, load of ${CAPACITY}`);
  for (let minute = 0; minute < after.length / 60; minute++) {
    const part = after.slice(minute * 60, minute * 60 + 60);
    const load = meanOf(part, 'cost');
    const bar = '#'.repeat(Math.round(load / 5));
    console.log(
      `${String(minute).padStart(4)} ${meanOf(part, 'requests').toFixed(0).padStart(5)} ${load.toFixed(0).padStart(5)} ${bar}`,
    );
  }
  const fullest = (of: keyof Second, seconds: readonly Second[]) =>
    Math.max(...seconds.map((second) => second[of]));
  const figure = (name: string, value: number, unit: string, note: string): Figure => ({
    name: `pressure.${name}`,
    value,
    unit,
    note,
  });
  return [
    figure(
      'steady_fullest_second',
      fullest('requests', before) / meanOf(before, 'requests'),
      'ratio',
      'of the mean: 10,000 nodes, each at its place',
    ),
    figure(
      'return_fullest_second',
      fullest('cost', after) / CAPACITY,
      'ratio',
      'of what one database takes, after an outage of an hour',
    ),
    figure(
      'return_refused',
      after.reduce((sum, { refused }) => sum + refused, 0),
      'requests',
      'answered 503',
    ),
    figure('return_live_again', liveAgainSeconds.at(-1)!, 'seconds', 'the last node; 300 are its back-off'),
    figure('return_cleared', clearedSeconds.at(-1)!, 'seconds', 'the last node; target 900'),
    figure(
      'return_longest_wait',
      longestWaitSeconds.at(-1)!,
      'seconds',
      'between two live reports of a node',
    ),
  ];
}

const meanOf = (seconds: readonly Second[], of: keyof Second) =>
  seconds.reduce((sum, second) => sum + second[of], 0) / seconds.length;
