/**
 * Bodies that may be compressed: unpacked on the stream, both sizes counted while they come, so that a small body that
 * unpacks to gigabytes is given up after the first four megabytes of it.
 */
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './app.ts';
import { fail, ok, problemResponse, type Result } from './problem.ts';

export interface BodyLimits {
  /** As sent. */
  readonly compressedBytes: number;
  /** After unpacking. */
  readonly plainBytes: number;
}

/** Puts the unpacked body in the request's place; goes before a route's validation. */
export function unpackBody(limits: BodyLimits): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const { raw } = context.req;
    const body = await readBody(raw, limits);
    if (!body.ok) return problemResponse(context, body.problem);
    const headers = new Headers(raw.headers);
    headers.delete('Content-Encoding');
    headers.delete('Content-Length');
    context.req.raw = new Request(raw.url, { method: raw.method, headers, body: body.value });
    await next();
  };
}

async function readBody(request: Request, limits: BodyLimits): Promise<Result<Uint8Array>> {
  const encoding = (request.headers.get('Content-Encoding') ?? 'identity').trim().toLowerCase();
  if (encoding !== 'gzip' && encoding !== 'identity') {
    return fail(
      'unsupported_encoding',
      `Content-Encoding "${encoding}" is not read here; send gzip or none.`,
      'Content-Encoding',
    );
  }
  const sent = await collect(request.body, limits.compressedBytes);
  if (sent === 'tooLarge')
    return fail('body_too_large', `The body is over ${limits.compressedBytes} bytes as sent; split it.`);
  if (encoding === 'identity') return ok(sent);
  try {
    const plain = await collect(
      new Blob([sent]).stream().pipeThrough(new DecompressionStream('gzip')),
      limits.plainBytes,
    );
    if (plain === 'tooLarge')
      return fail('body_too_large', `The body unpacks to over ${limits.plainBytes} bytes; split it.`);
    return ok(plain);
  } catch {
    return fail('malformed_body', 'The body is not complete gzip.');
  }
}

async function collect(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | 'tooLarge'> {
  if (stream === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel();
      return 'tooLarge';
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
