import { createRoute, z } from '@hono/zod-openapi';
import { apiDocument } from '../http/api-document.ts';
import type { App } from '../http/app.ts';
import { docsPage } from './docs/page.ts';
import { DOCS_STYLE } from './docs/style.ts';

const tags = ['Service'];

const documentRoute = createRoute({
  method: 'get',
  path: '/openapi.json',
  tags,
  summary: 'This API as an OpenAPI 3.1 document',
  security: [],
  responses: {
    200: {
      description: 'Generated from the routes, complete',
      content: { 'application/json': { schema: z.record(z.string(), z.unknown()) } },
    },
  },
});

const pageRoute = createRoute({
  method: 'get',
  path: '/docs',
  tags,
  summary: 'This API as a page to read',
  security: [],
  responses: { 200: { description: 'HTML', content: { 'text/html': { schema: z.string() } } } },
});

const styleRoute = createRoute({
  method: 'get',
  path: '/docs.css',
  tags,
  summary: 'Style sheet of /docs',
  security: [],
  responses: { 200: { description: 'CSS', content: { 'text/css': { schema: z.string() } } } },
});

export function registerDocs(app: App): void {
  app.openapi(documentRoute, (context) => context.json({ ...apiDocument(app) }, 200));
  app.openapi(pageRoute, async (context) => context.html(docsPage(apiDocument(app)), 200));
  app.openapi(styleRoute, (context) =>
    context.body(DOCS_STYLE, 200, { 'Content-Type': 'text/css; charset=utf-8' }),
  );
}
