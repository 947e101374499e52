import type { Ask } from '../metered-site.ts';

/**
 * A site in each of these grid zones, the nodes spread over them.
 * @returns a token for each node
 */
export async function enrolFleet(ask: Ask, nodes: number, gridZones: readonly string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const [index, gridZone] of gridZones.entries()) {
    const site = `site-${index}`;
    await ask('/v1/sites', { id: site, gridZone, pueRatio: 1.2 });
    const { key } = await ask<{ key: string }>('/v1/enrolment-keys', { label: 'bench', site, maxUses: null });
    keys.push(key);
  }
  const tokens: string[] = [];
  for (let node = 0; node < nodes; node++) {
    const fingerprint = String(node).padStart(64, '0');
    const host = {
      hostname: `node-${node}`,
      fingerprint,
      machineFingerprint: fingerprint,
      agentVersion: '0.1.0',
    };
    tokens.push((await ask<{ token: string }>('/v1/enroll', host, keys[node % keys.length])).token);
  }
  return tokens;
}
