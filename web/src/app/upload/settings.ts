/** The few settings that a user may want to change, between a form and the service's JSON. */

import { isRecord } from "../../api/problem";
import type { JobConfig, Quality } from "../../api/types";

/** What the form holds; empty text leaves the preset's own value. */
export interface Draft {
  quality: Quality;
  engine: "auto" | "cpu" | "cuda";
  maxFrames: string;
  maxGaussians: string;
  tour: boolean;
  measure: boolean;
}

export const FIRST_DRAFT: Draft = {
  quality: "standard",
  engine: "auto",
  maxFrames: "",
  maxGaussians: "",
  tour: true,
  measure: true,
};

/** What each quality means, as in pipeline/presets.py. */
export const QUALITY_WORDS: Record<Quality, { title: string; words: string; gaussians: number }> = {
  preview: { title: "Preview", words: "A first look, soonest", gaussians: 100_000 },
  standard: { title: "Standard", words: "Right for most rooms", gaussians: 200_000 },
  high: { title: "High", words: "Finest detail, takes longest", gaussians: 500_000 },
};

/** Only what differs from the preset, so that the preset stays the service's own affair. */
export function configOf(draft: Draft): JobConfig {
  const config: JobConfig = { quality: draft.quality };
  if (draft.engine !== "auto") config.engine = draft.engine;
  const frames = wholeNumber(draft.maxFrames);
  if (frames !== null)
    config.capture =
      frames < FEWEST_FRAMES ? { max_frames: frames, min_frames: frames } : { max_frames: frames };
  const gaussians = wholeNumber(draft.maxGaussians);
  if (gaussians !== null) config.train = { max_gaussians: gaussians };
  if (!draft.tour) config.export = { tour_seconds: 0 };
  if (!draft.measure) config.eval_every = 0;
  return config;
}

/** The form for a job's own settings, to change them. */
export function draftOf(config: Record<string, unknown>): Draft {
  const quality = (["preview", "standard", "high"] as const).find((known) => known === config["quality"]);
  const engine = (["auto", "cpu", "cuda"] as const).find((known) => known === config["engine"]);
  const of = (part: string, name: string): unknown => {
    const branch = config[part];
    return isRecord(branch) ? branch[name] : undefined;
  };
  const known = quality ?? FIRST_DRAFT.quality;
  const frames = of("capture", "max_frames");
  const gaussians = of("train", "max_gaussians");
  return {
    quality: known,
    engine: engine ?? FIRST_DRAFT.engine,
    maxFrames: typeof frames === "number" && frames !== DEFAULT_FRAMES ? String(frames) : "",
    maxGaussians:
      typeof gaussians === "number" && gaussians !== QUALITY_WORDS[known].gaussians ? String(gaussians) : "",
    tour: of("export", "tour_seconds") !== 0,
    measure: config["eval_every"] !== 0,
  };
}

/** capture.max_frames of the service when nothing is given (docs/settings.md). */
export const DEFAULT_FRAMES = 300;

/** capture.min_frames of the service when nothing is given: it may not be above max_frames. */
const FEWEST_FRAMES = 60;

function wholeNumber(text: string): number | null {
  const value = Number(text);
  return text.trim() !== "" && Number.isInteger(value) && value > 0 ? value : null;
}
