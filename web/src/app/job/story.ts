/** What a job's events have told so far: the stages, the curves, the cameras, the newest snapshot, the log. */
import { isRecord } from "../../api/problem";
import type { JobEvent } from "../../api/types";
import { sentence } from "../format";

export const STAGES = ["capture", "sfm", "train", "export"] as const;
export type StageName = (typeof STAGES)[number];

export interface StageStory {
  /** `stopped`: it was at work when its job ended. */
  readonly state: "waiting" | "running" | "done" | "stopped";
  readonly fraction: number;
  readonly message: string;
  readonly seconds: number | null;
  readonly reused: boolean;
}

export interface CurvePoint {
  readonly step: number;
  readonly loss: number | null;
  readonly psnr: number | null;
  readonly gaussians: number | null;
}

export interface LogLine {
  readonly id: number;
  readonly at: string;
  readonly text: string;
  readonly tone: "plain" | "warning" | "error";
}

export interface Snapshot {
  readonly file: string;
  readonly step: number;
  readonly gaussians: number;
  readonly bytes: number;
  /** Of the event: a new snapshot has the same file name, and a new id. */
  readonly id: number;
}

export interface Story {
  readonly lastId: number;
  readonly stages: Readonly<Record<StageName, StageStory>>;
  /** Of the running stage; null while it is too early to say. */
  readonly secondsLeft: number | null;
  readonly curve: readonly CurvePoint[];
  readonly cameras: { readonly file: string; readonly registered: number; readonly frames: number } | null;
  readonly snapshot: Snapshot | null;
  readonly log: readonly LogLine[];
  /** Times the job's own state may have changed: ask for it again. */
  readonly changes: number;
}

const WAITING: StageStory = { state: "waiting", fraction: 0, message: "", seconds: null, reused: false };
const NO_STAGES: Story["stages"] = { capture: WAITING, sfm: WAITING, train: WAITING, export: WAITING };
const MAX_LINES = 1000;

export const EMPTY_STORY: Story = {
  lastId: 0,
  stages: NO_STAGES,
  secondsLeft: null,
  curve: [],
  cameras: null,
  snapshot: null,
  log: [],
  changes: 0,
};

/** The story with these events in it; those that it knows already, and kinds that it does not, are passed over. */
export function tell(story: Story, events: readonly JobEvent[]): Story {
  return events.reduce((told, event) => (event.id > told.lastId ? tellOne(told, event) : told), story);
}

function tellOne(before: Story, event: JobEvent): Story {
  const said = event.payload;
  const story: Story = { ...before, lastId: event.id };
  switch (event.kind) {
    case "status":
      return withLine({ ...story, changes: story.changes + 1 }, event, sentence(text(said["message"])));
    case "run_started": // also a job that is run again: what was seen of the run before it is gone
      return { ...story, stages: NO_STAGES, secondsLeft: null, snapshot: null, changes: story.changes + 1 };
    case "stage_started":
      return withLine(
        withStage(story, said, { state: "running", message: text(said["message"]) }),
        event,
        `${title(said["stage"])}: ${text(said["message"])}`,
      );
    case "stage_progress":
      return withProgress(story, said);
    case "stage_finished":
      return withLine(
        withStage({ ...story, secondsLeft: null }, said, {
          state: "done",
          fraction: 1,
          message: text(said["message"]),
          seconds: number(said["seconds"]),
          reused: said["reused"] === true,
        }),
        event,
        `${title(said["stage"])}: ${text(said["message"])}`,
      );
    case "warning":
      return withLine(story, event, text(said["message"]), "warning");
    case "log":
      return withLine(story, event, text(said["message"]));
    case "run_failed":
      return withLine({ ...story, changes: story.changes + 1 }, event, text(said["message"]), "error");
    case "cameras_found":
      return withCameras(story, event);
    case "snapshot_written":
      return withSnapshot(story, event);
    default:
      return story;
  }
}

function withProgress(story: Story, said: Record<string, unknown>): Story {
  const change = {
    state: "running" as const,
    fraction: number(said["fraction"]) ?? 0,
    message: text(said["message"]),
  };
  const next = { ...withStage(story, said, change), secondsLeft: number(said["seconds_left"]) };
  const metrics = isRecord(said["metrics"]) ? said["metrics"] : {};
  const step = number(metrics["step"]);
  if (said["stage"] !== "train" || step === null) return next;
  const point: CurvePoint = {
    step,
    loss: number(metrics["loss"]),
    psnr: number(metrics["psnr"]),
    gaussians: number(metrics["num_gaussians"]),
  };
  // A run that goes on from a checkpoint repeats some steps, and one that begins anew all of them.
  return { ...next, curve: [...story.curve.filter((known) => known.step < step), point] };
}

function withStage(story: Story, said: Record<string, unknown>, change: Partial<StageStory>): Story {
  const stage = STAGES.find((name) => name === said["stage"]);
  if (stage === undefined) return story;
  return { ...story, stages: { ...story.stages, [stage]: { ...story.stages[stage], ...change } } };
}

function withCameras(story: Story, event: JobEvent): Story {
  const file = text(event.payload["file"]);
  const registered = number(event.payload["registered"]) ?? 0;
  const frames = number(event.payload["frames"]) ?? 0;
  const line = `Cameras: ${registered} of ${frames} pictures have their place`;
  return withLine({ ...story, cameras: { file, registered, frames } }, event, line);
}

function withSnapshot(story: Story, event: JobEvent): Story {
  const said = event.payload;
  const snapshot: Snapshot = {
    file: text(said["file"]),
    step: number(said["step"]) ?? 0,
    gaussians: number(said["num_gaussians"]) ?? 0,
    bytes: number(said["bytes"]) ?? 0,
    id: event.id,
  };
  return { ...story, snapshot };
}

function withLine(story: Story, event: JobEvent, line: string, tone: LogLine["tone"] = "plain"): Story {
  if (line === "" || story.log[story.log.length - 1]?.text === line) return story;
  return {
    ...story,
    log: [...story.log.slice(1 - MAX_LINES), { id: event.id, at: event.at, text: line, tone }],
  };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number | null => (typeof value === "number" ? value : null);

const TITLES: Record<StageName, string> = {
  capture: "Pictures",
  sfm: "Cameras",
  train: "Splat",
  export: "Files",
};

/** A stage in words for people. */
export function title(stage: unknown): string {
  const known = STAGES.find((name) => name === stage);
  return known === undefined ? text(stage) : TITLES[known];
}
