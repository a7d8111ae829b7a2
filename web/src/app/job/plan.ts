/** The way of the camera, seen from above. The world's z axis points up (docs/conventions.md). */
import type { CapturedCamera } from "../../viewer";

export interface PlanCamera {
  readonly x: number;
  readonly y: number;
  /** Where it looks, as seen from above; shorter when it looks up or down. */
  readonly dx: number;
  readonly dy: number;
}

/** The cameras of a film in a box of this size, north up, at one scale for both axes. */
export function planOf(
  cameras: readonly CapturedCamera[],
  width: number,
  height: number,
  edge: number,
): PlanCamera[] {
  const seen = cameras.map(fromAbove);
  if (seen.length === 0) return [];
  const [left, right] = range(seen.map((camera) => camera.x));
  const [low, high] = range(seen.map((camera) => camera.y));
  const scale = Math.min(
    (width - 2 * edge) / Math.max(right - left, 1e-9),
    (height - 2 * edge) / Math.max(high - low, 1e-9),
  );
  const fitted = Number.isFinite(scale) && scale < 1e8 ? scale : 0; // all cameras at one place
  return seen.map((camera) => ({
    x: width / 2 + (camera.x - (left + right) / 2) * fitted,
    y: height / 2 - (camera.y - (low + high) / 2) * fitted, // a picture's y axis points down
    dx: camera.dx,
    dy: -camera.dy,
  }));
}

/** Centre and viewing direction of a camera in the world, without their heights. */
function fromAbove(camera: CapturedCamera): PlanCamera {
  const m = camera.camFromWorld;
  const at = (row: number, column: number) => m[4 * row + column] ?? 0;
  const centre = (axis: number) =>
    -(at(0, axis) * at(0, 3) + at(1, axis) * at(1, 3) + at(2, axis) * at(2, 3));
  return { x: centre(0), y: centre(1), dx: at(2, 0), dy: at(2, 1) };
}

function range(values: readonly number[]): readonly [number, number] {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)] as const, [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ] as const);
}
