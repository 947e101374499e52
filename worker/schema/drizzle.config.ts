import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'sqlite',
  schema: './worker/schema/schema.ts',
  out: './worker/schema/migrations',
});
