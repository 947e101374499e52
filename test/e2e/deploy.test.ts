import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What Wrangler itself says of the Worker: it bundles for Cloudflare and fits the free plan. */
test('npm run deploy -- --dry-run works without an account', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-dry-run-'));
  try {
    const { CLOUDFLARE_API_TOKEN: _, ...env } = process.env;
    const child = spawn(
      process.execPath,
      ['deploy/cloudflare/deploy.mjs', '--dry-run', '--name', 'lab', '--data', folder],
      { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    expect({ exitCode, said }).toMatchObject({ exitCode: 0 });
    expect(said).toContain('find the D1 database "lab", or make it');
    const kibibytes = Number(/gzip: ([\d.]+) KiB/.exec(said)?.[1]);
    expect(kibibytes).toBeGreaterThan(100);
    expect(kibibytes).toBeLessThan(3 * 1024);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
