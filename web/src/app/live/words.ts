/** A job's state in words for people. */
import type { Job } from "../../api/types";

const STATUS: Record<Job["status"], string> = {
  pending: "Waiting",
  extracting_frames: "Choosing pictures",
  training: "Training",
  exporting: "Writing files",
  completed: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
};

export function statusWord(job: Pick<Job, "status" | "stage" | "cancel_requested">): string {
  if (job.cancel_requested && job.status !== "cancelled") return "Stopping";
  if (job.status === "training" && job.stage === "sfm") return "Finding cameras";
  return STATUS[job.status];
}

export function badgeClass(job: Pick<Job, "status">): string {
  if (job.status === "failed" || job.status === "completed") return `badge ${job.status}`;
  return isRunning(job) ? "badge active" : "badge";
}

export const isRunning = (job: Pick<Job, "status">): boolean =>
  job.status === "extracting_frames" || job.status === "training" || job.status === "exporting";

export function queueWords(job: Pick<Job, "queue_position">): string {
  if (job.queue_position === null) return "A worker has taken it";
  if (job.queue_position === 1) return "Next in the queue";
  return `${job.queue_position - 1} before it in the queue`;
}
