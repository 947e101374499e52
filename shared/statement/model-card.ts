/**
 * Metadata for the front matter of a model card on the Hugging Face Hub (`co2_eq_emissions`), with the fields that
 * https://huggingface.co/docs/hub/model-cards-co2 documents. Grams are operational and embodied together; `source` says how
 * much of each.
 */
import { wellFormed } from './plain-text.ts';
import { instant, mass, percent, shares } from './quantities.ts';
import type { Statement } from './statement.ts';

export const TRAINING_TYPES = ['pre-training', 'fine-tuning'] as const;
export type TrainingType = (typeof TRAINING_TYPES)[number];

/** @param trainingType null: as the phase of the job says, if it says one of the two; else the field is left out */
export function toModelCard(statement: Statement, trainingType: TrainingType | null): string {
  const { totals, hardware, parts, zones, versions, fromMs, toMs, subject } = statement;
  const type = trainingType ?? TRAINING_TYPES.find((known) => known === subject.phase) ?? null;
  const source =
    `Wattshed ${versions.software}, metered from ${instant(fromMs)} to ${instant(toMs)}: ` +
    `${mass(totals.operationalGrams)} operational and ${mass(totals.embodiedGrams)} embodied` +
    `, ${mass(statement.totalGramsLow)} to ${mass(statement.totalGramsHigh)} together` +
    `${parts.length === 0 ? '' : `; embodied of ${shares(byLabel(parts))}`}` +
    `; energy by ${shares(totals.energyKinds)}` +
    `${totals.coverage === null ? '' : `; ${percent(totals.coverage)} of the device time`}`;
  const places = zones.map(({ name, gridZone }) => (name === null ? gridZone : `${name} (${gridZone})`));
  const used = [
    ...hardware.filter(({ gpuCount }) => gpuCount > 0).map(({ gpuCount, model }) => `${gpuCount} x ${model}`),
    ...parts.filter(({ type }) => type !== 'gpu').map(({ count, name }) => `${count} x ${name}`),
  ];
  const fields: [string, string | null][] = [
    ['emissions', String(Number(totals.totalGrams.toPrecision(12)))],
    ['source', yamlText(source)],
    ['training_type', type && yamlText(type)],
    ['geographical_location', places.length === 0 ? null : yamlText(places.join('; '))],
    ['hardware_used', used.length === 0 ? null : yamlText(used.join(', '))],
  ];
  const lines = fields.flatMap(([key, value]) => (value === null ? [] : [`  ${key}: ${value}`]));
  return ['---', 'co2_eq_emissions:', ...lines, '---', ''].join('\n');
}

function byLabel(parts: Statement['parts']): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { label, share } of parts) sums[label] = (sums[label] ?? 0) + (share ?? 0);
  return sums;
}

/** Double-quoted, in ASCII: JSON's escapes are YAML's too, and nothing in it can end the text or the line. */
function yamlText(text: string): string {
  return JSON.stringify(wellFormed(text)).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
