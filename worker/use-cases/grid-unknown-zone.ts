import { nearestZones } from '../../shared/grid/zones.ts';
import { fail } from '../http/problem.ts';

export function unknownZone(gridZone: string, field = 'gridZone') {
  return fail(
    'unknown_grid_zone',
    `No grid zone has the key "${gridZone}"; nearest: ${nearestZones(gridZone).join(', ')}. GET /v1/grid/zones lists them.`,
    field,
  );
}
