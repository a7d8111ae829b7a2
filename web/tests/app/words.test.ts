import { expect, test } from "vitest";
import { ago, bytes, duration, percent, sentence, timeLeft } from "../../src/app/format";
import { pathOf } from "../../src/app/job/Curves";
import { aboutFile, isOffered, shownScene } from "../../src/app/job/files";
import { queueWords, statusWord } from "../../src/app/live/words";
import { jobPath, routeOf } from "../../src/app/router";
import { configOf, draftOf, FIRST_DRAFT } from "../../src/app/upload/settings";

test.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1000, "1.0 kB"],
  [24_801_702, "24.8 MB"],
  [999_960, "1.0 MB"],
  [4_294_967_296, "4.3 GB"],
])("%d bytes are %s", (count, words) => {
  expect(bytes(count)).toBe(words);
});

test("times are as exact as one wants to know them", () => {
  expect([0.2, 45, 100, 3600, 4800].map(duration)).toEqual(["1 s", "45 s", "2 min", "1 h", "1 h 20 min"]);
  expect([timeLeft(2), timeLeft(61)]).toEqual(["a few seconds left", "about 61 s left"]);
});

test("a share never says that it is done before it is", () => {
  expect([percent(0.999), percent(1), percent(7), percent(-1)]).toEqual(["99 %", "100 %", "100 %", "0 %"]);
});

test("the past is told in words, and by its date when it is long ago", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  const told = [
    "2026-11-23T11:59:50Z",
    "2026-11-23T11:55:00Z",
    "2026-11-22T11:00:00Z",
    "2026-01-02T12:00:00Z",
  ];
  expect(told.map((when) => ago(when, now))).toEqual([
    "just now",
    "5 minutes ago",
    "yesterday",
    "Jan 2, 2026",
  ]);
});

test("a job's address leads back to the job, whatever its id", () => {
  for (const id of ["vkqQvRjv-bFfQM94UJHx3A", "a/b", "50%", "ü ?#"]) {
    expect(routeOf(jobPath(id))).toEqual({ screen: "job", id });
  }
  expect(routeOf("/jobs/%")).toEqual({ screen: "job", id: "%" });
  expect(
    [routeOf("/"), routeOf("/jobs/"), routeOf("/view"), routeOf("/a/b")].map((route) => route.screen),
  ).toEqual(["upload", "jobs", "view", "unknown"]);
});

test("settings that are left alone are not sent, and those of a job come back into the form", () => {
  expect(configOf(FIRST_DRAFT)).toEqual({ quality: "standard" });
  const draft = { ...FIRST_DRAFT, quality: "high", maxFrames: "120", tour: false, measure: false } as const;
  expect(draftOf(configOf(draft) as Record<string, unknown>)).toEqual(draft);
  expect(configOf({ ...FIRST_DRAFT, maxFrames: "1.5", maxGaussians: "-3" })).toEqual({ quality: "standard" });
  expect(draftOf({ quality: "wrong", capture: [] })).toEqual(FIRST_DRAFT);
});

test("a curve stays in its box, also when all its values are equal or none", () => {
  const inside = (path: string) =>
    [...path.matchAll(/([\d.-]+) ([\d.-]+)/g)].every(([, x, y]) => {
      return Number(x) >= 0 && Number(x) <= 100 && Number(y) >= 0 && Number(y) <= 40;
    });
  const curves = [[[5, 1]], [[1, 2], [3, 2]], [[0, 0], [10, 1], [20, 0.001]]] as const; // biome-ignore format: short
  for (const points of curves) {
    for (const log of [true, false]) {
      const path = pathOf(points, log);
      expect(path).not.toContain("NaN");
      expect(inside(path)).toBe(true);
    }
  }
});

test("the viewer shows the smallest splat that knows its unit, and parts of other files are not offered", () => {
  const file = (name: string) => ({ name, size: 1, url: `/api/jobs/x/files/${name}` });
  expect(shownScene([file("scene.ply"), file("scene.spz"), file("scene.sog")])?.name).toBe("scene.sog");
  expect(shownScene([file("scene.ply"), file("scene.spz")])?.name).toBe("scene.ply");
  expect(shownScene([file("cameras.zip")])).toBeNull();
  expect(["scene.ply", "cameras/frames.json", "live/scene.splat", "thumbnail.jpg"].filter(isOffered)).toEqual(
    ["scene.ply"],
  );
  expect(aboutFile("mesh.mtl").title).toContain("OBJ");
  expect(aboutFile("plan.svg").title).toBe("Floor plan");
  expect(aboutFile("scene.ply").order).toBeLessThan(aboutFile("something.new").order);
});

test("a job's state is told in words for people", () => {
  const job = { status: "training", stage: "sfm", cancel_requested: false } as const;
  expect(statusWord(job)).toBe("Finding cameras");
  expect(statusWord({ ...job, cancel_requested: true })).toBe("Stopping");
  expect(queueWords({ queue_position: 3 })).toBe("2 before it in the queue");
});

test("words begin with a capital, names of files stay as they are", () => {
  expect([sentence("finding the cameras"), sentence("scene.ply"), sentence("")]).toEqual([
    "Finding the cameras",
    "scene.ply",
    "",
  ]);
});
