/** `wattshed when-green` as a process: what it waits for, what it passes on, and that nothing keeps the command. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EXIT } from '../../../agent/cli/exit-codes.ts';
import { buildAgent, run, start } from '../cli/run-wattshed.ts';
import {
  failing,
  type GridServer,
  greenestIn,
  intensities,
  moved,
  notJson,
  stalling,
  startGridServer,
} from './grid-server.ts';

const HOUR_MS = 3_600_000;
let agent: string;
let server: GridServer;
let env: Record<string, string>;

beforeAll(async () => {
  agent = await buildAgent();
  server = await startGridServer();
  env = { WATTSHED_URL: server.url, WATTSHED_TOKEN: server.token, WATTSHED_GRID_ZONE: 'DE' };
});
beforeEach(() => {
  server.asked.length = 0;
});
afterAll(async () => {
  await server.stop();
  rmSync(dirname(agent), { recursive: true, force: true });
});

const green = (
  options: readonly string[],
  command: readonly string[],
  more: Record<string, string> = {},
) => ({
  args: ['when-green', ...options, '--', ...command],
  env: { ...env, ...more },
});
/** Prints its arguments, one a line. */
const echo = (...args: string[]) => [
  process.execPath,
  '-e',
  'console.log(process.argv.slice(1).join("\\n"))',
  '--',
  ...args,
];
const shell = (script: string) => ['sh', '-c', script];
const events = (err: string) =>
  err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('when it starts', () => {
  test('at the greenest start, within what the forecast was asked', async () => {
    server.answer(greenestIn(1500));
    const begun = Date.now();
    const { code, out, err } = await run(
      agent,
      green(['--duration', '4h', '--deadline', '12h'], echo('a b', '--json')),
    );
    expect({ code, out }).toEqual({ code: 0, out: 'a b\n--json\n' });
    expect(Date.now() - begun).toBeGreaterThanOrEqual(1500);
    expect(err).toMatch(
      /^wattshed: starts .*\nwattshed: saves 60 % \(50 % to 70 %\)\nwattshed: starts now: the greenest/,
    );
    const query = new URL(server.asked[0]!, server.url).searchParams;
    expect(Object.fromEntries(query)).toMatchObject({
      gridZones: 'DE',
      durationMinutes: '240',
      basis: 'lifecycle',
    });
    // It has ended by the deadline.
    const deadlineMs = Date.parse(query.get('deadline')!);
    expect(Math.abs(deadlineMs - begun - 12 * HOUR_MS)).toBeLessThan(60_000);
  });

  test('at once where no start is known to be better, and where there is no forecast', async () => {
    server.answer(greenestIn(HOUR_MS, { worthWaiting: false }));
    const unsure = await run(agent, green([], echo('x')));
    expect(unsure.out).toBe('x\n');
    expect(unsure.err).toBe(
      'wattshed: starts now: not worth waiting: what it saves may as well be a loss (500 g to 700 g)\n',
    );
    server.answer((_, response) =>
      response.end(
        JSON.stringify({
          deadline: '',
          zones: [],
          excluded: [{ gridZone: 'DE', reason: 'no series is stored' }],
        }),
      ),
    );
    const none = await run(agent, green([], echo('x')));
    expect(none.out).toBe('x\n');
    expect(none.err).toContain('no start can be told from another: no series is stored');
  });

  test('earlier or later once a newer forecast says so; what the same one says later is nothing new', async () => {
    server.answer(greenestIn(HOUR_MS));
    const waiting = start(agent, green(['--check-every', '1s', '--json'], echo('x')));
    await waiting.said('"planned"');
    server.answer(greenestIn(0, { worthWaiting: false }));
    const before = server.asked.length;
    while (server.asked.length < before + 2) await new Promise((resolve) => setTimeout(resolve, 50));
    server.answer(greenestIn(2 * HOUR_MS, { issue: 'second' }));
    await waiting.said('"second"');
    server.answer(greenestIn(0, { issue: 'third' }));
    const { code, err } = await waiting.ended;
    expect(code).toBe(0);
    expect(events(err).map(({ event, reason, forecast }) => [event, reason, forecast?.issuedAt])).toEqual([
      ['planned', undefined, 'first'],
      ['planned', undefined, 'second'],
      ['planned', undefined, 'third'],
      ['started', 'greenest', 'third'],
      ['ended', undefined, undefined],
    ]);
  });

  test('with --below once the live intensity is there; a yearly average is not live', async () => {
    server.answer(intensities([90], 'annual'));
    const waiting = start(agent, green(['--below', '100', '--check-every', '1s'], echo('x')));
    await waiting.said('DE has no live intensity now; the limit is 100 g/kWh');
    server.answer(intensities([90, 100.1]));
    const before = server.asked.length;
    while (server.asked.length < before + 2) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(waiting.child.exitCode).toBeNull();
    server.answer(intensities([300, 100]));
    const { out, err } = await waiting.ended;
    expect(out).toBe('x\n');
    expect(err).toContain('starts now: DE is at 100 g/kWh (measured), at or below 100 g/kWh');
  });

  test('with --percentile by what the zone itself had', async () => {
    server.answer(intensities(Array.from({ length: 100 }, (_, i) => 500 - i)));
    const low = await run(agent, green(['--percentile', '1', '--json'], echo('x')));
    expect(events(low.err)[0]).toMatchObject({ event: 'limit', atMostGramsPerKwh: 401, days: 4.1 });
    // Cleaner hours of another scope than the zone has now are not what it usually has.
    const scopeOf = (hour: number) => (hour < 50 ? 'production' : 'consumption');
    server.answer(
      intensities(
        Array.from({ length: 100 }, (_, i) => 500 - i),
        'measured',
        scopeOf,
      ),
    );
    const ofScope = await run(agent, green(['--percentile', '99', '--json'], echo('x')));
    expect(events(ofScope.err)[0]).toMatchObject({ atMostGramsPerKwh: 450, days: 2 });
    server.answer(intensities(Array.from({ length: 100 }, (_, i) => 400 + i)));
    const high = await run(agent, green(['--percentile', '20', '--deadline', '1s', '--json'], echo('x')));
    expect(high.out).toBe('x\n');
    expect(events(high.err).map(({ event, reason }) => reason ?? event)).toEqual([
      'limit',
      'watching',
      'deadline',
      'ended',
    ]);
  });
});

describe('a zone that has another scope while it waits', () => {
  const falling = Array.from({ length: 100 }, (_, i) => 400 - i);
  const byHour = (values: readonly number[], scope: string) => intensities(values, 'measured', () => scope);

  test('a percentile of the one is no limit for values of the other', async () => {
    server.answer(byHour([...falling, 500], 'production'));
    const waiting = start(agent, green(['--percentile', '20', '--check-every', '1s'], echo('x')));
    await waiting.said('above 321 g/kWh');
    server.answer(byHour([10], 'consumption'));
    await waiting.said('DE is of consumption now, and the limit of 321 g/kWh was told from its production');
    server.answer(byHour([310], 'production'));
    const { out, err } = await waiting.ended;
    expect(out).toBe('x\n');
    expect(err).toContain('starts now: DE is at 310 g/kWh');
  });

  test('a limit that was given holds for both', async () => {
    server.answer(byHour([500], 'production'));
    const waiting = start(agent, green(['--below', '100', '--check-every', '1s'], echo('x')));
    await waiting.said('above 100 g/kWh');
    server.answer(byHour([90], 'consumption'));
    expect(await waiting.ended).toMatchObject({ out: 'x\n' });
  });
});

test('greenest asks for the scope that it is given, and no other', async () => {
  server.answer(greenestIn(HOUR_MS));
  const greenest = (...options: string[]) =>
    run(agent, { args: ['greenest', '--duration', '1h', '--json', ...options], env });
  expect(await greenest('--scope', 'production')).toMatchObject({ code: 0 });
  await greenest();
  const scopes = server.asked.map((path) => new URL(path, server.url).searchParams.get('scope'));
  expect(scopes).toEqual(['production', null]);
  const wrong = await greenest('--scope', 'both');
  expect(wrong).toMatchObject({ code: EXIT.usage });
  expect(wrong.err).toContain('--scope must be one of consumption, production, not "both"');
});

describe('with the server away', () => {
  const away = (url: string) => ({ WATTSHED_URL: url });

  test.each([
    ['gone', null, /the server cannot be asked \(127.0.0.1:9: connect ECONNREFUSED/],
    ['failing', failing(500), /the server cannot be asked \(Something failed\)/],
    ['no Wattshed', notJson, /is not a Wattshed server/],
    ['stalling', stalling, /the server did not answer in time/],
  ])('%s: it starts at the deadline, and says so', async (_, answer, why) => {
    if (answer !== null) server.answer(answer);
    const begun = Date.now();
    const { code, out, err } = await run(
      agent,
      green(['--deadline', '2s'], echo('x'), answer === null ? away('http://127.0.0.1:9') : {}),
    );
    expect({ code, out }).toEqual({ code: 0, out: 'x\n' });
    expect(Date.now() - begun).toBeGreaterThanOrEqual(2000);
    expect(err).toMatch(why);
    expect(err).toContain('starts now, at its deadline: ');
  });

  test('a deadline that has passed, or that the job cannot meet any more, starts it at once', async () => {
    const past = new Date(Date.now() - HOUR_MS).toISOString();
    for (const options of [
      ['--deadline', past],
      ['--deadline', '1h', '--duration', '4h'],
    ]) {
      const { out } = await run(agent, green(options, echo('x'), away('http://127.0.0.1:9')));
      expect(out).toBe('x\n');
    }
  });

  test('a plan that is made is kept', async () => {
    server.answer(greenestIn(2500));
    const waiting = start(agent, green(['--check-every', '1s', '--json'], echo('x')));
    await waiting.said('"planned"');
    server.answer(failing(503, 'overloaded', 'Later.'));
    const { out, err } = await waiting.ended;
    expect(out).toBe('x\n');
    expect(events(err).map(({ event, reason }) => reason ?? event)).toEqual([
      'planned',
      'trouble',
      'greenest',
      'ended',
    ]);
  });
});

describe('the command', () => {
  beforeEach(() => server.answer(greenestIn(0)));

  test.each([0, 1, 3, 77, 255])('exit code %d is passed through', async (code) => {
    expect((await run(agent, green([], shell(`exit ${code}`)))).code).toBe(code);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGKILL', 137],
    ['SIGHUP', 129],
  ])('ended by %s is %d', async (signal, code) => {
    expect((await run(agent, green([], shell(`kill -${signal.slice(3)} $$`)))).code).toBe(code);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)('gets %s', async (signal) => {
    const name = signal.slice(3);
    const script = `trap 'echo got ${name}; exit 9' ${name}; echo ready >&2; while :; do sleep 0.05; done`;
    const running = start(agent, green([], shell(script)));
    await running.said('ready');
    running.child.kill(signal);
    expect(await running.ended).toMatchObject({ code: 9, out: `got ${name}\n` });
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('is not run where %s comes first', async (signal, code) => {
    server.answer(greenestIn(HOUR_MS));
    const waiting = start(agent, green([], echo('x')));
    await waiting.said('saves');
    waiting.child.kill(signal);
    const ended = await waiting.ended;
    expect(ended).toMatchObject({ code, out: '' });
    expect(ended.err).toContain(`stopped by ${signal}; the command was not run`);
  });

  test('has the standard input, which the wait leaves alone', async () => {
    const { out } = await run(agent, { ...green([], ['cat']), stdin: 'for the job\n' });
    expect(out).toBe('for the job\n');
  });

  test('that is missing or no program ends as in a shell', async () => {
    const file = join(dirname(agent), 'no-program');
    writeFileSync(file, 'x', { mode: 0o644 });
    expect(await run(agent, green([], ['/nonexistent/train']))).toMatchObject({ code: EXIT.commandMissing });
    expect(await run(agent, green([], [file]))).toMatchObject({ code: EXIT.commandNotRunnable });
  });
});

test.each([
  [['when-green'], 'takes a command after --'],
  [['when-green', '--'], 'takes a command after --'],
  [['when-green', 'echo', '--', 'x'], 'takes a command after --'],
  [['when-green', '--dutarion', '4h', '--', 'x'], 'did you mean --duration?'],
  [['when-green', '--duration', '4', '--', 'x'], '--duration must be a duration such as 4h'],
  [['when-green', '--duration', '9d', '--', 'x'], '--duration must be from 5 min to 3 d 23 h'],
  [['when-green', '--deadline', 'tomorrow', '--', 'x'], '--deadline must be a duration from now'],
  [['when-green', '--below', '0', '--', 'x'], '--below must be a number of gCO2eq/kWh above zero'],
  [['when-green', '--percentile', '0.2', '--', 'x'], '--percentile must be a whole number from 1 to 99'],
  [['when-green', '--below', '9', '--percentile', '9', '--', 'x'], 'give one of them'],
])('%j begins nothing, and says why with an exit code of its own', async (args, why) => {
  const { code, out, err } = await run(agent, { args, env });
  expect({ code, out }).toEqual({ code: EXIT.notBegun, out: '' });
  expect(err).toContain(why);
});

test.each([
  ['a refused token', failing(401, 'unauthenticated', 'No such token.'), 'No such token'],
  ['an unknown zone', failing(422, 'unknown_grid_zone', 'No zone XX.'), 'No zone XX'],
  ['a redirect', moved, 'give the URL where the server itself is'],
])('%s is told before the wait', async (_, answer, why) => {
  server.answer(answer);
  const marker = join(dirname(agent), 'ran');
  const { code, err } = await run(agent, green([], ['touch', marker]));
  expect(code).toBe(EXIT.notBegun);
  expect(err).toContain(why);
  expect(existsSync(marker)).toBe(false);
});

test('a token is never taken from the command line, nor shown', async () => {
  const file = join(dirname(agent), 'token');
  writeFileSync(file, `${server.token}\n`);
  server.answer(greenestIn(0));
  const ways: { args: string[]; more: Record<string, string> }[] = [
    { args: ['--token-file', file], more: { WATTSHED_TOKEN: '' } },
    { args: [], more: { WATTSHED_TOKEN: '', WATTSHED_TOKEN_FILE: file } },
  ];
  for (const { args, more } of ways) expect((await run(agent, green(args, echo('x'), more))).out).toBe('x\n');
  const none = await run(agent, green([], echo('x'), { WATTSHED_TOKEN: '' }));
  expect(none).toMatchObject({ code: EXIT.notBegun, out: '' });
  expect(none.err).toContain('no token: put one of scope read into WATTSHED_TOKEN');
  const mistyped = await run(agent, green([], echo('x'), { WATTSHED_TOKEN: server.token.slice(0, -1) }));
  expect(mistyped.err).toContain('incomplete or mistyped');
  expect(mistyped.err).not.toContain(server.token.slice(10, -1));
});
