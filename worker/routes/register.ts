/** The explicit list of routes; adding one is a file beside this and a line here. */
import type { App } from '../http/app.ts';
import { registerHealth } from './health.ts';
import { registerSites } from './sites.ts';

export const routeModules: readonly ((app: App) => void)[] = [registerHealth, registerSites];
