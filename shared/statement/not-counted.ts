/** What a statement leaves out, said where the figure is said. */
import { energy, mass } from './quantities.ts';
import type { StatementInput } from './statement.ts';

const ALWAYS = [
  'Network switches, network cards, and storage and machines outside the nodes that run an agent.',
  'The building beyond the PUE, and people.',
  'What happens to hardware after its use.',
  'Fans and power supply losses of hosts that have no meter for the whole node.',
];

export function notCounted({ subject, totals, excluded }: StatementInput): string[] {
  const notes = [...ALWAYS];
  if (subject.kind !== 'period') {
    notes.unshift(
      `Everything that is not in this ${subject.kind}: other runs and experiments, idle time of the nodes, use of what was made.`,
    );
  }
  for (const { gridZone, reason, energyKwh } of excluded) {
    notes.push(
      `Emissions of ${energy(energyKwh)} in ${gridZone ?? 'sites without a zone'}: ${reason}. The energy is in the figure, its emissions are not.`,
    );
  }
  if (totals.missingEnergyKwhEstimate > 0) {
    notes.push(
      `What nobody metered: ${energy(totals.missingEnergyKwhEstimate)} by an estimate from the mean power of the same devices.`,
    );
  }
  for (const [overhead, figures] of Object.entries(totals.overheads)) {
    if (figures === null) continue;
    notes.push(
      `The overhead for ${overhead} that the operator gives: ${energy(figures.energyKwh)}, ${mass(figures.operationalGrams)}.`,
    );
  }
  return notes;
}
