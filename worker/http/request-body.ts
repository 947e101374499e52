/**
 * Bodies that may be compressed: both sizes are bounded, so that a small body that unpacks to gigabytes is given up after the
 * first four megabytes of it. zlib itself unpacks in place: a `DecompressionStream` takes ten times as long for a report.
 */
import { gunzipSync } from 'node:zlib';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './app.ts';
import { fail, ok, problemResponse, type Result } from './problem.ts';

export interface BodyLimits {
  /** As sent. */
  readonly compressedBytes: number;
  /** After unpacking. */
  readonly plainBytes: number;
}

/** Puts the unpacked body in the place of the one that was sent; goes before a route's validation. */
export function unpackBody(limits: BodyLimits): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const body = await readBody(context.req.raw, limits);
    if (!body.ok) return problemResponse(context, body.problem);
    // Where Hono keeps a body that was read, as a promise whatever its type says: a new request would copy it twice.
    context.req.bodyCache.text = Promise.resolve(new TextDecoder().decode(body.value)) as never;
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
  const sent = await collect(request.body, lengthOf(request.headers), limits.compressedBytes);
  if (sent === 'tooLarge')
    return fail('body_too_large', `The body is over ${limits.compressedBytes} bytes as sent; split it.`);
  if (encoding === 'identity') return ok(sent);
  try {
    return ok(gunzipSync(sent, { maxOutputLength: limits.plainBytes }));
  } catch (error) {
    if (error instanceof RangeError)
      return fail('body_too_large', `The body unpacks to over ${limits.plainBytes} bytes; split it.`);
    return fail('malformed_body', 'The body is not complete gzip.');
  }
}

function lengthOf(headers: Headers): number | null {
  const said = headers.get('Content-Length');
  return said !== null && /^\d+$/.test(said) ? Number(said) : null;
}

/** Reads to the end, in one turn where the length is as expected. */
async function collect(
  stream: ReadableStream<Uint8Array> | null,
  expectedBytes: number | null,
  maxBytes: number,
): Promise<Uint8Array | 'tooLarge'> {
  if (stream === null) return new Uint8Array();
  const reader = stream.getReader({ mode: 'byob' });
  // A byte more than there should be: what ends before it has ended.
  let bytes = new Uint8Array(Math.min(expectedBytes ?? maxBytes, maxBytes) + 1);
  let length = 0;
  for (;;) {
    const { value } = await reader.readAtLeast(bytes.length - length, bytes.subarray(length));
    if (value === undefined) return new Uint8Array();
    length += value.length;
    bytes = new Uint8Array(value.buffer);
    if (length < bytes.length) return bytes.subarray(0, length);
    if (length > maxBytes) {
      await reader.cancel();
      return 'tooLarge';
    }
    const longer = new Uint8Array(maxBytes + 1);
    longer.set(bytes);
    bytes = longer;
  }
}
