import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';
import { ADMIN_SECRET_SHA256 } from './test/worker/support/admin-token.ts';

export default defineConfig(async () => ({
  test: {
    reporters: ['default', './test/setup/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'test/shared/**/*.test.ts',
            'test/agent/**/*.test.ts',
            'test/deploy/**/*.test.ts',
            'test/project/**/*.test.ts',
          ],
          // A machine may be busy: how long something takes is a benchmark's business.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: './worker/index.ts',
            miniflare: {
              compatibilityDate: '2026-07-01',
              compatibilityFlags: ['nodejs_compat'],
              // The others for tests of a fleet on several databases.
              d1Databases: ['DB', 'SHARD_0', 'SHARD_1', 'SHARD_2'],
              r2Buckets: ['ARCHIVE'],
              bindings: {
                TEST_MIGRATIONS: await readD1Migrations('worker/schema/migrations'),
                ADMIN_SECRET_SHA256,
              },
            },
          }),
        ],
        test: {
          name: 'worker',
          include: ['test/worker/**/*.test.ts'],
          setupFiles: ['test/worker/apply-migrations.ts'],
          // A machine may be busy: how long something takes is a benchmark's business.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          // A hook starts the server, as a test does.
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 120_000,
          // Migrations, a server and a demo fleet: what a test of e2e takes.
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
}));
