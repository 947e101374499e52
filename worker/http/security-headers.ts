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
  context.header('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  context.header('X-Content-Type-Options', 'nosniff');
  context.header('Referrer-Policy', 'no-referrer');
  context.header('Cross-Origin-Opener-Policy', 'same-origin');
  context.header('Cross-Origin-Resource-Policy', 'same-origin');
  if (new URL(context.req.url).protocol === 'https:') {
    context.header('Strict-Transport-Security', 'max-age=31536000');
  }
  if (!context.res.headers.has('Cache-Control')) context.header('Cache-Control', 'no-store');
};
