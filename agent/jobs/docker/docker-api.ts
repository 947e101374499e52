/** Two calls of the Docker Engine's API over its unix socket. */
import { request } from 'node:http';

const MAX_REPLY_BYTES = 4 * 1024 * 1024;

/**
 * @returns the reply's JSON; null where there is no such thing (any more)
 * @throws Error with an errno or what else went wrong
 */
export function getFromDocker(socketPath: string, path: string, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath,
      path,
      headers: { host: 'docker' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_REPLY_BYTES) asked.destroy(new Error(`the reply is over ${MAX_REPLY_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 404) return resolve(null);
        if (response.statusCode !== 200)
          return reject(new Error(`status ${response.statusCode} for ${path}`));
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        } catch {
          reject(new Error(`the reply for ${path} is no JSON`));
        }
      });
    });
    asked.end();
  });
}
