/** Sends requests to the URL given, as agents do: over connections that stay open. */
import { Agent, request as httpRequest } from 'node:http';
import { Bodies } from './bodies.ts';
import { answerParent, type Request } from './round.ts';

const url = process.argv[2]!;
const agent = new Agent({ keepAlive: true });

answerParent(new Bodies(), async (requests, bodies, connections) => {
  const latencies: number[] = [];
  let next = 0;
  const line = async () => {
    for (let at = next++; at < requests.length; at = next++) {
      const startedAt = performance.now();
      await ask(requests[at]!, bodies[at]!);
      latencies.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: connections }, line));
  return latencies;
});

function ask(request: Request, body: Uint8Array): Promise<void> {
  const isReport = 'said' in request;
  const headers = isReport
    ? {
        Authorization: `Bearer ${request.token}`,
        'Content-Type': 'application/json',
        'Content-Encoding': 'gzip',
        'Content-Length': body.length,
      }
    : {};
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      url + (isReport ? '/v1/ingest' : request.path),
      { method: isReport ? 'POST' : 'GET', headers, agent },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          // A report that was set aside is not what is measured.
          if (response.statusCode === 200 && !text.includes('"code"')) resolve();
          else reject(new Error(`${response.statusCode}: ${text}`));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
