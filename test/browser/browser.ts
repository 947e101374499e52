/** A real Chromium from npm, and what a page did in it. */
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';

/** Rejects where this machine cannot run it (another CPU, missing system calls); the message says why. */
export async function launchBrowser(): Promise<Browser> {
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    // The package's own arguments turn off web security and share one process; the page is tested without either.
    args: ['--no-sandbox'],
    headless: true,
  });
}
