import { expect, test } from "vitest";
import type { JobEvent } from "../../src/api/types";
import { EMPTY_STORY, tell } from "../../src/app/job/story";

const at = "2026-11-23T12:16:21Z";
let next = 0;
const event = (kind: string, payload: Record<string, unknown>): JobEvent => {
  next += 1;
  return { id: next, at, kind, payload };
};
const step = (number: number, psnr: number) =>
  event("stage_progress", {
    stage: "train",
    message: `training step ${number}`,
    fraction: number / 100,
    seconds_left: 100 - number,
    metrics: { step: number, loss: 1 / number, psnr, num_gaussians: 10 * number },
  });

const RUN: readonly JobEvent[] = [
  event("status", { status: "pending", message: "Waiting for a worker." }),
  event("run_started", { message: "room.mp4" }),
  event("stage_started", { stage: "capture", message: "choosing the sharpest frames" }),
  event("stage_finished", {
    stage: "capture",
    message: "60 of 240 frames kept",
    seconds: 1.7,
    reused: false,
  }),
  event("stage_started", { stage: "sfm", message: "finding the cameras" }),
  event("cameras_found", { file: "cameras/transforms.json", registered: 58, frames: 60 }),
  event("stage_finished", { stage: "sfm", message: "58 of 60 cameras found", seconds: 61, reused: true }),
  event("stage_started", { stage: "train", message: "training" }),
  step(10, 20),
  event("snapshot_written", { file: "live/scene.splat", step: 10, num_gaussians: 100, bytes: 3200 }),
  step(20, 25),
];

test("the events of a run become its stages, curves, cameras and snapshot", () => {
  const story = tell(EMPTY_STORY, RUN);
  const { capture, sfm, train, export: files } = story.stages;
  expect([capture.state, sfm.state, train.state, files.state]).toEqual([
    "done",
    "done",
    "running",
    "waiting",
  ]);
  expect([capture.seconds, sfm.reused, train.fraction]).toEqual([1.7, true, 0.2]);
  expect(story.secondsLeft).toBe(80);
  expect(story.curve.map((point) => [point.step, point.psnr, point.gaussians])).toEqual([
    [10, 20, 100],
    [20, 25, 200],
  ]);
  expect(story.cameras).toEqual({ file: "cameras/transforms.json", registered: 58, frames: 60 });
  expect(story.snapshot).toMatchObject({ file: "live/scene.splat", step: 10, gaussians: 100 });
});

test("events that are said again, as after a lost connection, change nothing", () => {
  const story = tell(EMPTY_STORY, RUN);
  expect(tell(story, RUN.slice(3))).toEqual(story);
});

test("in pieces of any size the story is the same", () => {
  const whole = tell(EMPTY_STORY, RUN);
  for (let cut = 0; cut <= RUN.length; cut += 1) {
    expect(tell(tell(EMPTY_STORY, RUN.slice(0, cut)), RUN.slice(cut))).toEqual(whole);
  }
});

test("a run that goes on from a checkpoint draws no step twice, and a new run begins its stages anew", () => {
  const story = tell(tell(EMPTY_STORY, RUN), [event("run_started", { message: "room.mp4" }), step(15, 30)]);
  expect(story.curve.map((point) => point.step)).toEqual([10, 15]);
  expect(story.stages.capture.state).toBe("waiting");
  expect(story.snapshot).toBeNull();
});

test("a kind of event that the page does not know is passed over", () => {
  const before = tell(EMPTY_STORY, RUN);
  const unknown = event("sparkles", { message: 3, stage: ["train"] });
  expect(tell(before, [unknown])).toEqual({ ...before, lastId: unknown.id });
});
