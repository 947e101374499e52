/** The explicit list of routes; adding one is a file beside this and a line here. */
import type { App } from '../http/app.ts';
import { registerAlertChannels } from './alert-channels.ts';
import { registerAlertDeliveries } from './alert-deliveries.ts';
import { registerAlertRules } from './alert-rules.ts';
import { registerAlerts } from './alerts.ts';
import { registerChanges } from './changes.ts';
import { registerCounterfactual } from './counterfactual.ts';
import { registerDocs } from './docs.ts';
import { registerEmbodied } from './embodied.ts';
import { registerEmissions } from './emissions.ts';
import { registerEnroll } from './enroll.ts';
import { registerEnrolmentKeys } from './enrolment-keys.ts';
import { registerEstimate } from './estimate.ts';
import { registerGrid } from './grid.ts';
import { registerGridCloudRegions } from './grid-cloud-regions.ts';
import { registerGridForecast } from './grid-forecast.ts';
import { registerGridTrust } from './grid-trust.ts';
import { registerHardware } from './hardware.ts';
import { registerHealth } from './health.ts';
import { registerIngest } from './ingest.ts';
import { registerInstall } from './install.ts';
import { registerJobs } from './jobs.ts';
import { registerMetrics } from './metrics.ts';
import { registerNodeWindows } from './node-windows.ts';
import { registerNodes } from './nodes.ts';
import { registerPeriods } from './periods.ts';
import { registerPower } from './power.ts';
import { registerQuarantine } from './quarantine.ts';
import { registerSettings } from './settings.ts';
import { registerSilences } from './silences.ts';
import { registerSites } from './sites.ts';
import { registerStatements } from './statements.ts';
import { registerTokens } from './tokens.ts';

export const routeModules: readonly ((app: App) => void)[] = [
  registerHealth,
  registerDocs,
  registerInstall,
  registerEnroll,
  registerIngest,
  registerGrid,
  registerGridForecast,
  registerGridCloudRegions,
  registerGridTrust,
  registerNodes,
  registerPower,
  registerNodeWindows,
  registerEmissions,
  registerCounterfactual,
  registerJobs,
  registerStatements,
  registerEmbodied,
  registerHardware,
  registerEstimate,
  registerMetrics,
  registerQuarantine,
  registerChanges,
  registerPeriods,
  registerAlertChannels,
  registerAlertDeliveries,
  registerAlertRules,
  registerSilences,
  registerAlerts,
  registerSettings,
  registerSites,
  registerEnrolmentKeys,
  registerTokens,
];
