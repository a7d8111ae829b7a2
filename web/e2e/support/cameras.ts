/** Captured cameras for the viewer, read here a second time: what the page reads must come out the same. */
import type { CapturedCamera } from "../../src/viewer/types";

interface Transforms {
  fl_x: number;
  fl_y: number;
  cx: number;
  cy: number;
  w: number;
  h: number;
  frames: { file_path: string; transform_matrix: number[][] }[];
}

/** World from camera with OpenGL axes becomes camera from world with OpenCV's: columns 1 and 2 negated, then inverted. */
export function cameraOf(json: unknown, index: number): CapturedCamera {
  const file = json as Transforms;
  const frame = file.frames[index];
  if (frame === undefined) throw new Error(`no frame ${index}`);
  const pose = frame.transform_matrix;
  const at = (row: number, column: number): number => {
    const value = pose[row]?.[column] ?? Number.NaN;
    return column === 1 || column === 2 ? -value : value;
  };
  const rows: number[] = [];
  for (const row of [0, 1, 2]) {
    const turn = [at(0, row), at(1, row), at(2, row)] as const;
    const shift = -(turn[0] * at(0, 3) + turn[1] * at(1, 3) + turn[2] * at(2, 3));
    rows.push(...turn, shift);
  }
  return {
    name: frame.file_path,
    width: file.w,
    height: file.h,
    fx: file.fl_x,
    fy: file.fl_y,
    cx: file.cx,
    cy: file.cy,
    camFromWorld: [...rows, 0, 0, 0, 1],
  };
}
