/** Every route x every kind of caller. What a route needs is decided here, not read from the route. */
import { beforeAll, expect, test } from 'vitest';
import { ADMIN_TOKEN } from '../support/admin-token.ts';
import { api, call } from '../support/api.ts';
import { enrol, host, newEnrolmentKey } from '../support/enrolment.ts';
import { ROUTES, type Route } from '../support/routes.ts';

type Need = 'nothing' | 'enrolment key' | 'ingest' | 'read' | 'admin' | 'ingest or admin' | 'ingest or read';

const PUBLIC = ['/', '/healthz', '/openapi.json', '/docs', '/docs.css', '/install.sh'];
/** These answer a question that is too long for an address. */
const READ_BY_POST = ['/v1/estimate'];
/** Their lists are the operator's own: who may call, how to become a node, what was set aside, who changed what. */
const ADMIN_READS = [
  '/v1/tokens',
  '/v1/enrolment-keys',
  '/v1/quarantine',
  '/v1/changes',
  '/v1/settings',
  '/v1/alert-channels',
];

function needOf({ method, path }: Route): Need {
  if (PUBLIC.includes(path)) return 'nothing';
  if (path === '/v1/enroll') return 'enrolment key';
  if (path === '/v1/ingest') return 'ingest';
  // A job tells through its node what it made.
  if (method === 'PATCH' && path === '/v1/jobs/:id') return 'ingest or admin';
  // A node may ask when its own zone is greenest; of a zone by name it must be the own one (own-zone.test.ts).
  if (path === '/v1/grid/greenest') return 'ingest or read';
  if (ADMIN_READS.some((prefix) => path.startsWith(prefix))) return 'admin';
  return method === 'GET' || READ_BY_POST.includes(path) ? 'read' : 'admin';
}

const tokens: Record<string, string | null> = { none: null, admin: ADMIN_TOKEN };

beforeAll(async () => {
  tokens.read = (
    await api<{ token: string }>('POST', '/v1/tokens', { label: 'matrix', scope: 'read' })
  ).token;
  tokens.ingest = (await enrol(await newEnrolmentKey(), host('matrix'))).token;
});

/** 401, 403, or `in`: whatever the route then says to an empty request. */
const EXPECTED: Record<Need, Record<string, number | 'in'>> = {
  nothing: { none: 'in', ingest: 'in', read: 'in', admin: 'in' },
  'enrolment key': { none: 401, ingest: 'in', read: 'in', admin: 'in' },
  ingest: { none: 401, ingest: 'in', read: 403, admin: 403 },
  read: { none: 401, ingest: 403, read: 'in', admin: 'in' },
  admin: { none: 401, ingest: 403, read: 403, admin: 'in' },
  'ingest or admin': { none: 401, ingest: 'in', read: 403, admin: 'in' },
  'ingest or read': { none: 401, ingest: 'in', read: 'in', admin: 'in' },
};

test('the router is read', () => {
  expect(ROUTES.map(({ method, path }) => `${method} ${path}`)).toEqual(
    expect.arrayContaining(['GET /healthz', 'GET /v1/nodes', 'POST /v1/enroll', 'DELETE /v1/tokens/:id']),
  );
});

test.each(ROUTES.map((route) => [route.method, route.path, route] as const))(
  '%s %s',
  async (method, path, route) => {
    for (const [kind, token] of Object.entries(tokens)) {
      const response = await call(method, path.replace(/:[A-Za-z]+/g, 'nothing-of-this-name'), undefined, {
        token,
      });
      const expected = EXPECTED[needOf(route)][kind];
      const met = response.status === 401 || response.status === 403 ? response.status : 'in';
      expect({ kind, met }).toEqual({ kind, met: expected });
      expect(response.status).toBeLessThan(500);
    }
  },
);
