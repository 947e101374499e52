import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { fail, problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';

const route = createRoute({
  method: 'get',
  path: '/install.sh',
  tags: ['Service'],
  summary: 'The script that puts the agent on a host',
  description:
    'A POSIX shell script with the checksums of the files that it gets from here. Read it first, or run it with --dry-run: it shows its plan and changes nothing.',
  security: [],
  responses: {
    200: { description: 'Shell script', content: { 'text/x-shellscript': { schema: z.string() } } },
    ...problems('not_found'),
  },
});

/** Characters of a URL's origin that mean nothing to a shell inside quotes. */
const PLAIN_ORIGIN = /^https?:\/\/[a-z0-9.:[\]-]+$/;

export function registerInstall(app: App): void {
  app.openapi(route, async (context) => {
    const url = new URL(context.req.url);
    // Behind a proxy that ends TLS, the script must not send hosts to plain HTTP.
    if (context.req.header('X-Forwarded-Proto') === 'https') url.protocol = 'https:';
    const { origin } = url;
    const file = await context.env.ASSETS?.fetch(new URL('/agent/install.sh', origin));
    if (file?.status !== 200 || !PLAIN_ORIGIN.test(origin)) {
      const missing = fail(
        'not_found',
        'This server was built without the files of the agent: npm run build.',
      );
      return problemResponse(context, missing.problem);
    }
    const script = (await file.text()).replace("SERVER='@SERVER@'", `SERVER='${origin}'`);
    return context.body(script, 200, { 'Content-Type': 'text/x-shellscript; charset=utf-8' });
  });
}
