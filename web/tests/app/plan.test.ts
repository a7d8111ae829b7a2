import { expect, test } from "vitest";
import { planOf } from "../../src/app/job/plan";
import type { CapturedCamera } from "../../src/viewer/types";

/** A level camera at (x, y, 1.5) that looks along (cos a, sin a, 0): OpenCV axes, z up in the world. */
function camera(x: number, y: number, angle: number): CapturedCamera {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const rows = [
    [s, -c, 0],
    [0, 0, -1],
    [c, s, 0],
  ];
  const centre = [x, y, 1.5];
  const camFromWorld = rows.flatMap((row) => {
    const moved = row.reduce((sum, value, axis) => sum - value * (centre[axis] ?? 0), 0);
    return [...row, moved];
  });
  return {
    name: "",
    width: 4,
    height: 3,
    fx: 1,
    fy: 1,
    cx: 2,
    cy: 1.5,
    camFromWorld: [...camFromWorld, 0, 0, 0, 1],
  };
}

test("the plan keeps the shape of the way, east right and north up, inside its box", () => {
  const plan = planOf([camera(0, 0, 0), camera(4, 0, Math.PI / 2), camera(4, 2, Math.PI)], 100, 100, 10);
  const rounded = plan.map(({ x, y, dx, dy }) =>
    [x, y, dx, dy].map((value) => Math.round(value * 1000) / 1000 + 0),
  );
  expect(rounded).toEqual([
    [10, 70, 1, 0],
    [90, 70, 0, -1],
    [90, 30, -1, 0],
  ]);
});

test("cameras at one place, or none, are no error", () => {
  expect(planOf([], 100, 100, 10)).toEqual([]);
  const plan = planOf([camera(3, 3, 0), camera(3, 3, 1)], 100, 60, 10);
  expect(plan.map(({ x, y }) => [x, y])).toEqual([
    [50, 30],
    [50, 30],
  ]);
});
