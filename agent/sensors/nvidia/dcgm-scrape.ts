/** One bounded scrape of this host's dcgm-exporter. */
import { createHttpClient, HttpError } from '../../http/http-client.ts';
import { AGENT_VERSION } from '../../version.ts';
import type { Outcome } from '../sensor.ts';
import { type DcgmMetrics, parseDcgmMetrics } from './dcgm-metrics.ts';

/** Eight GPUs and 200 fields take 0.4 MB. */
const MAX_REPLY_BYTES = 8 * 1024 * 1024;

/**
 * @param url `http://127.0.0.1:9400/metrics`, asked directly and past any proxy; null where none is configured
 * @returns a function that asks once and never throws
 */
export function createDcgmScrape(url: string | null, timeoutMs: number): () => Promise<Outcome<DcgmMetrics>> {
  const http = createHttpClient({
    agentVersion: AGENT_VERSION,
    environment: {},
    timeoutMs,
    maxReplyBytes: MAX_REPLY_BYTES,
  });
  return async () => {
    if (url === null) return { state: 'absent', detail: 'no exporter is configured ("dcgmExporter")' };
    try {
      const { status, body } = await http.request({ method: 'GET', url });
      if (status !== 200) return { state: 'noData', detail: `${url} answers with ${status}` };
      return outcomeOf(url, parseDcgmMetrics(body.toString('utf8')));
    } catch (error) {
      if (error instanceof HttpError) return { state: 'noData', detail: error.message };
      return { state: 'failed', detail: String(error) };
    }
  };
}

function outcomeOf(url: string, metrics: DcgmMetrics): Outcome<DcgmMetrics> {
  const { gpus, hostnames } = metrics;
  if (gpus.length === 0) return { state: 'noData', detail: `${url} serves no GPU` };
  if (hostnames.length > 1)
    return {
      state: 'noData',
      detail: `${url} speaks for several hosts (${hostnames.join(', ')})`,
      fix: 'set "dcgmExporter" to this host\'s own exporter',
    };
  return {
    state: 'ready',
    value: metrics,
    detail: `${gpus.length} ${gpus.length === 1 ? 'GPU' : 'GPUs'} from ${url}`,
  };
}
