import { expect, test } from 'vitest';
import { targetProblem } from '../../../worker/channels/target.ts';
import { HOSTILE_TARGETS } from './hostile-targets.ts';

const STRICT = { allowLoopback: false };
const LOOPBACK_TOO = { allowLoopback: true };

test('there are 300 hostile targets and more', () =>
  expect(HOSTILE_TARGETS.length).toBeGreaterThanOrEqual(300));

test.each(HOSTILE_TARGETS.map((url) => [JSON.stringify(url), url]))('%s is refused', (_, url) => {
  expect(targetProblem(url!, STRICT)).toMatch(/.{20}/);
});

test.each([
  'https://hooks.slack.com/services/T000/B000/XXXX',
  'https://HOOKS.slack.com/services/T000',
  'https://hooks.slack.com',
  'https://hooks.slack.com:443/a',
  'https://prod-12.westeurope.logic.azure.com/workflows/a/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sig=a-b_c',
  'https://events.eu.pagerduty.com/v2/enqueue',
  'https://xn--bcher-kva.de/haken',
  'https://wattshed.my-team.workers.dev?a=b',
  'https://internal.company.com/hook',
  'https://my-local.dev/@user:1/*!(a)',
])('%s is taken', (url) => expect(targetProblem(url, STRICT)).toBeNull());

test('the flag of the operator adds loopback and nothing else', () => {
  const added = [
    'http://127.0.0.1:9093/a?b=c',
    'http://localhost/a',
    'https://localhost:8443',
    'http://[::1]:80/',
  ];
  for (const url of added) {
    expect(targetProblem(url, LOOPBACK_TOO)).toBeNull();
    expect(targetProblem(url, STRICT)).not.toBeNull();
  }
  const taken = HOSTILE_TARGETS.filter((url) => targetProblem(url, LOOPBACK_TOO) === null);
  expect(taken.every((url) => /^https:\/\/(127\.0\.0\.1|localhost|\[::1\])(:443)?\/hook$/.test(url))).toBe(
    true,
  );
  expect(taken.length).toBeLessThan(6);
});
