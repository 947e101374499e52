import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './app.ts';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** On every answer, page and API alike. Answers carry private figures or secrets, so none is stored unless it says so. */
export const securityHeaders: MiddlewareHandler<AppEnv> = async (context, next) => {
  await next();
  // On the answer itself: Hono's way makes a new one for each header.
  const { headers } = context.res;
  headers.set('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  headers.set('X-Content-Type-Options', 'nosniff');
  headers.set('Referrer-Policy', 'no-referrer');
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  if (context.req.url.startsWith('https:')) headers.set('Strict-Transport-Security', 'max-age=31536000');
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store');
};
