/** The service's shapes, by the names that the page uses. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Job = Schemas["JobView"];
export type JobStatus = Schemas["JobStatus"];
export type JobError = Schemas["JobErrorView"];
export type JobList = Schemas["JobList"];
export type JobFile = Schemas["FileView"];
export type Limits = Schemas["Limits"];
export type JobEvent = Schemas["EventView"];
export type Problem = Pick<Schemas["Problem"], "status" | "code" | "detail" | "hint">;

/** Who is signed in, and how one can. */
export type Session = Schemas["SessionView"];

/** The settings that a user gives with a film: any part of the pipeline's tree. */
export interface JobConfig {
  quality?: Quality;
  engine?: "auto" | "cpu" | "cuda";
  eval_every?: number;
  capture?: { max_frames?: number; min_frames?: number };
  train?: { max_gaussians?: number; max_steps?: number };
  export?: { tour_seconds?: number };
}

export type Quality = "preview" | "standard" | "high";
export const QUALITIES: readonly Quality[] = ["preview", "standard", "high"];

export const ENDED: ReadonlySet<JobStatus> = new Set<JobStatus>(["completed", "failed", "cancelled"]);

export const hasEnded = (job: Pick<Job, "status">): boolean => ENDED.has(job.status);
