/** A value of a series as answers show it. */
import type { z } from '@hono/zod-openapi';
import type { IntensityPoint } from '../../shared/grid/intensity.ts';
import { scopeOfPoint } from '../../shared/grid/scope.ts';
import { instant, instantOrNull } from '../http/schemas.ts';
import { intensityPoint } from './grid-schemas.ts';

/** Without its interval. */
export const intensityValue = intensityPoint.omit({ start: true, end: true });

export const intensityReply = (point: IntensityPoint): z.input<typeof intensityValue> => ({
  gramsPerKwh: point.gramsPerKwh,
  kind: point.kind,
  provider: point.provider,
  scope: scopeOfPoint(point),
  method: point.method,
  issuedAt: instantOrNull(point.issuedAtMs),
  fetchedAt: instant(point.fetchedAtMs),
});
