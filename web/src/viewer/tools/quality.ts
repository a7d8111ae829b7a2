/** How much work a frame may be. */
import { FULL_REACH } from "../stage";

export interface Quality {
  name: string;
  /** Pixels drawn for one CSS pixel, at most. */
  pixelRatio: number;
  /** Where a splat ends, in standard deviations: drawing grows with its square. */
  reach: number;
  /** Degree of the harmonics. */
  harmonics: number;
}

export const QUALITIES: readonly [Quality, Quality, Quality, Quality] = [
  { name: "Fastest", pixelRatio: 0.5, reach: Math.sqrt(5), harmonics: 0 },
  { name: "Fast", pixelRatio: 1, reach: Math.sqrt(6), harmonics: 1 },
  { name: "Fine", pixelRatio: 1.5, reach: Math.sqrt(8), harmonics: 3 },
  { name: "Best", pixelRatio: 2, reach: FULL_REACH, harmonics: 3 },
];

/** A phone's screen has many pixels and little power behind them. */
export function usualQuality(): number {
  return matchMedia("(pointer: coarse)").matches ? 1 : 2;
}
