import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'sqlite',
  // One file per family of tables.
  schema: [
    './worker/schema/schema.ts',
    './worker/schema/jobs.ts',
    './worker/schema/forecast.ts',
    './worker/schema/audit.ts',
    './worker/schema/alerts.ts',
    './worker/schema/channels.ts',
    './worker/schema/grid-rereads.ts',
    './worker/schema/grid-services.ts',
    './worker/schema/retention.ts',
    './worker/schema/rollups.ts',
    './worker/schema/pace.ts',
  ],
  out: './worker/schema/migrations',
});
