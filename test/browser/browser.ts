/**
 * A real Chromium from npm, unpacked once beside the other packages. Its package is made for AWS Lambda and unpacks its
 * own system libraries and fonts only there; a host without them needs both just the same, so it is told that it is there.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium as playwright } from 'playwright-core';

const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
const folder = join(cache, 'chromium-147');
const fontFolder = join(folder, 'fonts');

/** The package's own file names /tmp/fonts, which nobody fills here; a Chromium that finds no font at all ends at the first control. */
const FONT_CONFIG = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${fontFolder}</dir>
  <cachedir>${fontFolder}/cache</cachedir>
</fontconfig>
`;

/** Rejects where this machine cannot run it (another CPU, missing system calls); the message says why. */
export async function launchBrowser(): Promise<Browser> {
  if (!existsSync(folder)) unpack();
  writeFileSync(join(fontFolder, 'fonts.conf'), FONT_CONFIG);
  return playwright.launch({
    executablePath: join(folder, 'chromium'),
    // The package's own arguments turn off web security and share one process; the page is tested without either.
    args: ['--no-sandbox'],
    headless: true,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, 'al2023/lib'),
      FONTCONFIG_PATH: fontFolder,
    },
  });
}

/** Into a folder of its own first: one that exists is whole. Another process, since it sets the environment of its own. */
function unpack(): void {
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const program =
    "const { default: chromium } = await import('@sparticuz/chromium'); await chromium.executablePath();";
  execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: cache,
    env: { ...process.env, TMPDIR: partial, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' },
  });
  renameSync(partial, folder);
}
