import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../deploy/local/api.ts';
import { type DataFolder, openDataFolder } from '../../deploy/local/data-folder.ts';
import { type Demo, startDemo } from '../../deploy/local/demo/run-demo.ts';
import { freePort, type Server, startServer } from '../../deploy/local/server.ts';
import { createEnrolmentKey, ensureSite } from '../../deploy/local/site.ts';
import { HOUR_MS } from '../../shared/time/window.ts';
import type { Emissions } from '../../worker/dashboard/contract.ts';
import { formatEnergy, formatMass, formatShare } from '../../worker/dashboard/format.ts';
import { copiesOfFirst } from '../worker/support/copied-nodes.ts';
import { launchBrowser } from './browser.ts';

const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1200, height: 900 };
/** More than the page lists at once. */
const LARGE_FLEET = 250;
/** A time zone in which it is past noon now: "today" is long enough at any hour that the test runs. */
const PAST_NOON = etcZone(12 - new Date().getUTCHours());

/** POSIX counts hours west of Greenwich. */
function etcZone(hoursEast: number): string {
  return `Etc/GMT${hoursEast > 0 ? '-' : '+'}${Math.abs(hoursEast)}`;
}

let browser: Browser | null = null;
let whyNot = '';
try {
  browser = await launchBrowser();
} catch (error) {
  whyNot = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}

describe.skipIf(browser === null)(`the page in Chromium${whyNot && ` (cannot run here: ${whyNot})`}`, () => {
  let dataPath: string;
  let folder: DataFolder;
  let server: Server;
  let demo: Demo;

  beforeAll(async () => {
    dataPath = mkdtempSync(join(tmpdir(), 'wattshed-page-'));
    folder = await openDataFolder(dataPath);
    server = await startServer({
      root,
      dataFolder: folder.path,
      listenAddress: '127.0.0.1',
      port: await freePort('127.0.0.1', 0),
      adminSecretSha256: folder.adminSecretSha256,
      shards: 1,
    });
    const api = createApi(server.url, folder.adminToken);
    await ensureSite(api, null);
    demo = startDemo({
      serverUrl: server.url,
      api,
      databases: server.databases,
      createEnrolmentKey: (site, uses) => createEnrolmentKey(api, site, uses),
      historyMs: 6 * HOUR_MS,
    });
    await demo.told;
  });

  afterAll(async () => {
    await browser?.close();
    await demo.stop();
    await server.stop();
    folder.release();
    rmSync(dataPath, { recursive: true, force: true });
  });

  /** Opens the page in a fresh session and runs the test; fails on anything that the console complained about. */
  async function onPage(
    options: { viewport?: typeof PHONE; colorScheme?: 'light' | 'dark' },
    run: (page: Page) => Promise<void>,
    expected: readonly RegExp[] = [],
  ): Promise<void> {
    const context = await browser!.newContext({ viewport: DESKTOP, timezoneId: PAST_NOON, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(server.url);
    try {
      await run(page);
      const unexpected = complaints.filter((text) => !expected.some((pattern) => pattern.test(text)));
      expect(unexpected).toEqual([]);
    } finally {
      await context.close();
    }
  }

  const cardOf = (page: Page, title: string) =>
    page.locator('section.card', { has: page.getByRole('heading', { name: title, exact: true }) });

  async function signIn(page: Page, token: string): Promise<void> {
    await page.getByLabel('Read token').fill(token);
    await page.getByRole('button', { name: 'Show the fleet' }).click();
  }

  test('a token opens it, and its figures are those of the API', () =>
    onPage({}, async (page) => {
      const answers: Emissions[] = [];
      page.on('response', async (response) => {
        if (response.url().includes('groupBy=gridZone')) answers.push(await response.json());
      });
      await signIn(page, folder.adminToken);
      const figures = page.getByRole('region', { name: 'The fleet now' });
      await figures.waitFor();

      const answer = answers[0]!;
      const totals = answer.totals;
      expect(totals.energyKwh).toBeGreaterThan(0);
      await expect.poll(() => figures.textContent()).toContain(formatMass(totals.totalGrams));
      const text = (await figures.textContent()) ?? '';
      expect(text).toContain(`operational ${formatMass(totals.operationalGrams)}`);
      expect(text).toContain(`embodied ${formatMass(totals.embodiedGrams)}`);
      expect(text).toContain(formatEnergy(totals.energyKwh));
      expect(text).toContain(`${formatEnergy(totals.facilityEnergyKwh)} with PUE`);
      expect(text).toContain(formatShare(totals.coverage));
      expect(text).toContain('annual');

      expect(await page.locator('.nodes tbody tr').count()).toBe(12);
      expect(await page.locator('.nodes .badge', { hasText: 'simulated' }).count()).toBe(12);
      expect(await page.locator('.banner').textContent()).toContain('100% of today');
      expect(await page.locator('.chart g').count()).toBe(answer.series.length);
    }));

  test('where zones are of two scopes it says which is which, on a phone as well', async () => {
    const hourMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    const point = { start: new Date(hourMs), end: new Date(hourMs + HOUR_MS), gramsPerKwh: 123 };
    const series = { basis: 'lifecycle', scope: 'production', points: [point] };
    await createApi(server.url, folder.adminToken).call('PUT', '/v1/grid/GB/intensity', series);
    await onPage({ viewport: PHONE }, async (page) => {
      await signIn(page, folder.adminToken);
      const figures = page.getByRole('region', { name: 'The fleet now' });
      await figures.getByText('GB: by what is produced there, imports left out').waitFor();
      await figures.getByText('123 g/kWh').waitFor();
    });
  });

  test('what fires and what fired stands on it, on a phone as well', async () => {
    const now = new Date().toISOString();
    const alert = {
      id: 'ep_1',
      ruleName: 'Dirty hours in Berlin',
      kind: 'dirtyHours',
      severity: 'critical',
      gridZone: 'DE',
      state: 'firing',
      startedAt: now,
      endedAt: null,
      operationalGrams: 4_320,
      notified: true,
      silenced: false,
      summary: 'site:berlin draws 5.2 kW in DE at 600 gCO2eq/kWh, 2.97 times its usual',
    };
    const over = { ...alert, id: 'ep_2', ruleName: 'Idle GPUs', state: 'resolved', endedAt: now };
    await onPage({ viewport: PHONE }, async (page) => {
      await signIn(page, folder.adminToken);
      const card = page.locator('section.card', { has: page.getByRole('heading', { name: 'Alerts now' }) });
      await card.waitFor();
      expect(await card.textContent()).toContain('Nothing fires now, and nothing has fired yet.');
      await page.route('**/v1/alerts?*', (route) => {
        const alerts = route.request().url().includes('state=open') ? [alert] : [over, alert];
        return route.fulfill({ json: { alerts, nextCursor: null } });
      });
      await page.reload();
      await card.getByText(alert.summary).waitFor();
      expect(await card.textContent()).toContain('4.32 kg CO₂eq so far');
      await card.getByText('What fired before').click();
      expect(await card.getByText('Idle GPUs').isVisible()).toBe(true);
      const width = await page.locator('html').evaluate((html) => html.scrollWidth);
      expect(width).toBeLessThanOrEqual(PHONE.width);
    });
  });

  test('the token stays in the tab: not in the address, gone in another one', () =>
    onPage({}, async (page) => {
      await signIn(page, folder.adminToken);
      await page.locator('.nodes').waitFor();
      expect(page.url()).toBe(`${server.url}/`);
      await page.reload();
      await page.locator('.nodes').waitFor();
      const other = await page.context().newPage();
      await other.goto(server.url);
      expect(await other.getByLabel('Read token').isVisible()).toBe(true);
      await page.getByRole('button', { name: 'Forget token' }).click();
      await page.reload();
      expect(await page.getByLabel('Read token').isVisible()).toBe(true);
    }));

  test('a wrong token is refused in the words of the API', () =>
    onPage(
      {},
      async (page) => {
        await signIn(page, 'wsk_admin_nonsense');
        await expect.poll(() => page.getByRole('alert').textContent()).toContain('token');
        expect(await page.getByLabel('Read token').isVisible()).toBe(true);
      },
      [/status of 401/],
    ));

  test('what a host calls itself never becomes markup', () =>
    onPage({}, async (page) => {
      await page.route('**/v1/nodes?*', async (route) => {
        const response = await route.fetch();
        const body = (await response.json()) as { nodes: { hostname: string }[] };
        body.nodes[0]!.hostname = '<img src=x onerror=alert(1)>';
        await route.fulfill({ response, json: body });
      });
      await signIn(page, folder.adminToken);
      await page.locator('.nodes').waitFor();
      expect(await page.locator('.nodes tbody th').first().textContent()).toContain('<img src=x');
      expect(await page.locator('.nodes img').count()).toBe(0);
    }));

  test('counts of thousands have a separator, as other numbers have', () =>
    onPage({ viewport: PHONE }, async (page) => {
      await page.route('**/v1/fleet/emissions?*groupBy=gridZone*', async (route) => {
        const response = await route.fetch();
        const body = (await response.json()) as Emissions;
        const totals = { ...body.totals, nodesReporting: 9_876, nodesExpected: 10_000 };
        await route.fulfill({ response, json: { ...body, totals } });
      });
      await signIn(page, folder.adminToken);
      await page.getByText('9,876 of 10,000 nodes reported').waitFor();
    }));

  test('without nodes it says how to get one', () =>
    onPage({}, async (page) => {
      await page.route('**/v1/nodes?*', (route) => route.fulfill({ json: { nodes: [], nextCursor: null } }));
      await signIn(page, folder.adminToken);
      await page.getByText('No node reports here yet').waitFor();
      expect(await page.textContent('main')).toContain(`wattshed enroll --url ${server.url}`);
    }));

  test.each(['light', 'dark'] as const)('fits a phone, %s', (colorScheme) =>
    onPage({ viewport: PHONE, colorScheme }, async (page) => {
      await signIn(page, folder.adminToken);
      await page.locator('.nodes').waitFor();
      for (const summary of await page.locator('summary').all()) await summary.click();
      const width = await page.locator('html').evaluate((html) => html.scrollWidth);
      expect(width).toBe(PHONE.width);
      await page.screenshot({ path: join(dataPath, `phone-${colorScheme}.png`), fullPage: true });
    }),
  );

  test('the keyboard is enough', () =>
    onPage({}, async (page) => {
      await page.keyboard.type(folder.adminToken);
      await page.keyboard.press('Enter');
      await page.locator('.nodes').waitFor();
      const summary = page.locator('.nodes summary').first();
      await summary.focus();
      await page.keyboard.press('Enter');
      expect(await page.locator('.nodes details').first().getAttribute('open')).not.toBeNull();
    }));

  /** Last: the fleet stays large. */
  test('a large fleet is listed in pages, on a phone as well', async () => {
    for (const copy of copiesOfFirst(13, LARGE_FLEET)) await server.databases[0]!.prepare(copy).run();
    await onPage(
      { viewport: PHONE },
      async (page) => {
        await signIn(page, folder.adminToken);
        const leaders = cardOf(page, 'Most emissions today');
        await leaders.getByText(`20 of ${LARGE_FLEET} nodes`).waitFor();
        expect(await leaders.locator('tbody tr').count()).toBe(20);
        await leaders.getByRole('button', { name: '20 more' }).click();
        await leaders.getByText(`40 of ${LARGE_FLEET} nodes`).waitFor();

        const nodes = cardOf(page, 'Nodes');
        const rows = nodes.locator('tbody tr');
        expect(await rows.count()).toBe(20);
        await nodes.getByRole('button', { name: 'Next' }).click();
        await nodes.getByText('Nodes 21 to 40, in order of enrolment').waitFor();
        expect(await rows.first().locator('th').textContent()).toBe('n-21');
        await nodes.getByRole('button', { name: 'Before' }).click();
        await nodes.getByText('Nodes 1 to 20, in order of enrolment').waitFor();

        const filter = nodes.getByLabel('Only nodes of');
        await filter.fill('n-200');
        await filter.press('Enter');
        await nodes.getByText('Nodes 1 to 1 of node:n-200').waitFor();
        expect(await rows.locator('th').allTextContents()).toEqual(['n-200']);
        expect(await filter.inputValue()).toBe('n-200');
        expect(await page.locator(':focus').getAttribute('id')).toBe('node-filter');
        await filter.fill('rack:7');
        await filter.press('Enter');
        await nodes.getByText('"rack" is not one of').waitFor();
        const width = await page.locator('html').evaluate((html) => html.scrollWidth);
        expect(width).toBe(PHONE.width);
      },
      [/status of 400/],
    );
  });
});
