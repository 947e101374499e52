/** One unary gRPC call without arguments over a unix socket. */
import { once } from 'node:events';
import { createConnection } from 'node:net';

/** The kubelet's own limit for a reply. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** A flag and a length go before each message. */
const PREFIX_BYTES = 5;

/**
 * @param method `/package.Service/Method`
 * @returns the reply's message
 * @throws Error with an errno, a gRPC status or what else went wrong
 */
export async function callGrpc(socketPath: string, method: string, timeoutMs: number): Promise<Uint8Array> {
  // Connected first, so that a missing or forbidden socket says so itself.
  const socket = createConnection(socketPath);
  let broken: Error | null = null;
  // For its whole life: an error that nobody listens to ends the process, and HTTP/2 listens only while its session lasts.
  socket.on('error', (error) => {
    broken = error;
  });
  await once(socket, 'connect');
  // Only where there is a kubelet: HTTP/2 takes some memory.
  const http2 = await import('node:http2');
  if (broken !== null) throw broken;
  return new Promise((resolve, reject) => {
    const session = http2.connect('http://localhost', {
      createConnection: () => socket,
    });
    const timer = setTimeout(() => end(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const end = (outcome: Error | Uint8Array) => {
      clearTimeout(timer);
      session.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    session.on('error', end);
    const stream = session.request({
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let length = 0;
    let status: string | undefined;
    let message = '';
    const noteStatus = (headers: Record<string, unknown>) => {
      if (headers['grpc-status'] === undefined) return;
      status = String(headers['grpc-status']);
      message = String(headers['grpc-message'] ?? '');
    };
    stream.on('response', noteStatus);
    stream.on('trailers', noteStatus);
    stream.on('error', end);
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_REPLY_BYTES) end(new Error(`the reply is over ${MAX_REPLY_BYTES} bytes`));
      else chunks.push(chunk);
    });
    stream.on('end', () => {
      const reply = Buffer.concat(chunks);
      if (status !== '0')
        end(new Error(`gRPC status ${status ?? 'missing'}${message && `: ${plain(message)}`}`));
      else if (
        reply.length < PREFIX_BYTES ||
        reply[0] !== 0 ||
        reply.readUInt32BE(1) !== reply.length - PREFIX_BYTES
      )
        end(new Error('the reply is not one plain message'));
      else end(reply.subarray(PREFIX_BYTES));
    });
    // An empty message: not compressed, no bytes.
    stream.end(Buffer.alloc(PREFIX_BYTES));
  });
}

/** Percent-encoded by the specification; one that is not says itself. */
function plain(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
