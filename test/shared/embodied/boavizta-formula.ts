/** BoaviztAPI's formula for GPUs (boaviztapi@15878f0), which the catalog does not use: see boavizta.test.ts for why. */

/** kgCO2eq, kg antimony-equivalent and MJ per kg, cm2 of board or mm2 of effective die. */
export const FACTORS = {
  gwp: {
    casing: 8.2542,
    heatsink: 5.7412,
    board: 0.032549,
    gpu: 0.042592,
    memory: 0.18379,
    upstream: 0.25955,
    truck: 5.04e-5,
    boat: 1.33e-5,
    endOfLife: 1.5062,
  },
  adp: {
    casing: 4.0835e-4,
    heatsink: 1.8669e-3,
    board: 1.2707e-5,
    gpu: 1.555e-8,
    memory: 5.0731e-9,
    upstream: 1.0196e-8,
    truck: 1.98e-12,
    boat: 4.62e-13,
    endOfLife: 3.714e-6,
  },
  pe: {
    casing: 245.88,
    heatsink: 92.287,
    board: 0.82969,
    gpu: 0.56728,
    memory: 2.452,
    upstream: 3.619,
    truck: 7.04e-4,
    boat: 1.64e-4,
    endOfLife: 22.348,
  },
} as const;
type Factors = Readonly<Record<keyof (typeof FACTORS)['gwp'], number>>;

export interface Card {
  readonly massKg: number;
  readonly heatsinkKg: number;
  readonly casingKg: number;
  readonly memoryGigabytes: number;
  readonly memoryDies: number;
}

export const DEFAULT: Card = {
  massKg: 1.69,
  heatsinkKg: 0.9,
  casingKg: 0.79,
  memoryGigabytes: 80,
  memoryDies: 6,
};
/** Two of these are their other case, with 24 GB on 12 dies each. */
export const SMALL: Card = { ...DEFAULT, massKg: 2.2, memoryGigabytes: 24, memoryDies: 12 };
const BOARD_CM2 = 296;
const GPU_MM2 = 814;
const MM2_PER_GIGABYTE = 15.5;
const WAFER_MM2 = Math.PI * 150 ** 2;

/** Wafer area for one good die, mm2. */
function effective(dieMm2: number): number {
  const cut = (Math.sqrt(dieMm2) + 0.2) ** 2;
  const dies = WAFER_MM2 / cut - (Math.PI * 300) / Math.sqrt(2 * cut);
  return WAFER_MM2 / dies / Math.exp(-Math.sqrt((cut / 100) * 0.1));
}

export const memoryMm2 = ({ memoryGigabytes, memoryDies }: Card) =>
  effective((memoryGigabytes * MM2_PER_GIGABYTE) / memoryDies);

export function boavizta(card: Card, f: Factors): number {
  const { massKg, heatsinkKg, casingKg, memoryDies } = card;
  return (
    casingKg * f.casing +
    heatsinkKg * f.heatsink +
    BOARD_CM2 * f.board +
    effective(GPU_MM2) * f.gpu +
    memoryDies * memoryMm2(card) * f.memory +
    massKg * (f.upstream + 19_000 * f.boat + 1_000 * f.truck + f.endOfLife)
  );
}

export const significant = (value: number, digits: number) => Number(value.toPrecision(digits));
