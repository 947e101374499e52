/** Serves the agent's own metrics to this host. A port that is taken costs the metrics and nothing else. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exposition, type MetricFamily } from '../../shared/metrics/open-metrics.ts';

export interface MetricsServer {
  /** Where it listens; null where it cannot. */
  readonly url: string | null;
  close(): Promise<void>;
}

export interface MetricsServerOptions {
  /** Null: none is served. */
  readonly listen: { readonly host: string; readonly port: number } | null;
  readonly families: () => readonly MetricFamily[];
  /** False where what the metrics are of hangs: then a probe learns it by 503. Default: always true. */
  readonly isAlive?: () => boolean;
  readonly log: (line: string) => void;
}

const NONE: MetricsServer = { url: null, close: async () => {} };

/** Resolves once it listens, or has said why it does not. */
export async function serveMetrics({
  listen,
  families,
  isAlive = () => true,
  log,
}: MetricsServerOptions): Promise<MetricsServer> {
  if (listen === null) return NONE;
  const server = createServer((request, response) => {
    if (request.url !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('GET /metrics\n');
      return;
    }
    if (!isAlive()) {
      response.writeHead(503, { 'Content-Type': 'text/plain' }).end('the metering hangs\n');
      return;
    }
    const { contentType, text } = exposition(families(), request.headers.accept ?? '');
    response.writeHead(200, { 'Content-Type': contentType }).end(request.method === 'GET' ? text : '');
  });
  // A scraper that hangs must not hold memory.
  server.maxConnections = 8;
  server.requestTimeout = 10_000;
  // Metering ends the process, not a scraper.
  server.unref();
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const failure = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once('error', resolve).listen(listen.port, listen.host, () => resolve(null));
  });
  if (failure !== null) {
    log(
      `metrics: cannot listen on ${host}:${listen.port} (${failure.code}); "metricsListen" names another place, or is "off"`,
    );
    return NONE;
  }
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
