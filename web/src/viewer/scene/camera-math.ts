/** Captured cameras (OpenCV: +y down, +z forward) as three.js sees cameras (+y up, looking along -z). */
import { Matrix4 } from "three";
import type { CapturedCamera } from "../types";

/** Turns OpenCV camera axes into three's, and back: it is its own inverse. */
const FLIP_Y_AND_Z = new Matrix4().makeScale(1, -1, -1);

export function camFromWorld(camera: CapturedCamera): Matrix4 {
  // fromArray reads columns; the captured matrix lies row by row.
  return new Matrix4().fromArray(camera.camFromWorld).transpose();
}

/** `matrixWorld` of a three camera that stands where the captured one stood. */
export function worldFromThreeCamera(camera: CapturedCamera): Matrix4 {
  return camFromWorld(camera).invert().multiply(FLIP_Y_AND_Z);
}

/**
 * The projection of a pinhole whose principal point may lie anywhere:
 * u = fx x/z + cx must become the same pixel that WebGL draws at.
 */
export function projectionOf(camera: CapturedCamera, near: number, far: number): Matrix4 {
  const { width, height, fx, fy, cx, cy } = camera;
  const depth = far - near;
  return new Matrix4().set(
    (2 * fx) / width,
    0,
    1 - (2 * cx) / width,
    0,
    0,
    (2 * fy) / height,
    (2 * cy) / height - 1,
    0,
    0,
    0,
    -(far + near) / depth,
    (-2 * far * near) / depth,
    0,
    0,
    -1,
    0,
  );
}

/** The same camera with a picture of another size. */
export function resized(camera: CapturedCamera, width: number, height: number): CapturedCamera {
  const x = width / camera.width;
  const y = height / camera.height;
  return {
    ...camera,
    width,
    height,
    fx: camera.fx * x,
    cx: camera.cx * x,
    fy: camera.fy * y,
    cy: camera.cy * y,
  };
}

/** A wider view shows mostly what the film has not seen, and bends it. */
const WIDEST = 80;
const NARROWEST = 15;

/** Vertical field of view in degrees with which the captured picture just fits into a view of this aspect. */
export function fittingFov(camera: CapturedCamera, aspect: number): number {
  const tall = camera.height / (2 * camera.fy);
  const wide = camera.width / (2 * camera.fx);
  const half = Math.atan(Math.max(tall, wide / aspect));
  return Math.min(WIDEST, Math.max(NARROWEST, (2 * half * 180) / Math.PI));
}
