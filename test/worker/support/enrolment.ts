/** Sites, keys and nodes for tests, made through the API. */
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { api, call } from './api.ts';

/** Creates the site unless it is there. */
export async function ensureSite(id: string, gridZone = 'DE'): Promise<void> {
  const response = await call('POST', '/v1/sites', { id, gridZone, pueRatio: 1.2 });
  if (response.status !== 201 && response.status !== 409) throw new Error(await response.text());
}

/** The secret key; unlimited uses unless `wanted` says otherwise. */
export async function newEnrolmentKey(wanted: Record<string, unknown> = {}): Promise<string> {
  const site = String(wanted.site ?? 'berlin');
  await ensureSite(site);
  const body = { label: 'test', site, maxUses: null, ...wanted };
  return (await api<{ key: string }>('POST', '/v1/enrolment-keys', body)).key;
}

/** A host body whose fingerprints derive from its name, or from `parts`. */
export function host(hostname: string, parts: { machine?: string; gpus?: string } = {}) {
  const machine = parts.machine ?? hostname;
  return {
    hostname,
    machineFingerprint: digestOf(machine),
    fingerprint: digestOf(`${machine}/${parts.gpus ?? ''}`),
    agentVersion: '0.1.0',
  };
}

export async function enrol(key: string, body: object): Promise<EnrollReply> {
  return api<EnrollReply>('POST', '/v1/enroll', body, { token: key });
}

/** Not a digest, but of its shape and different for different texts. */
function digestOf(text: string): string {
  const hex = Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
  return hex.padEnd(64, '0').slice(0, 64);
}
