/** nerfstudio's `transforms.json`: world from camera, OpenGL axes (+y up, +z back), intrinsics at the top or per frame. */
import { Matrix4 } from "three";
import { type CapturedCamera, ViewerError } from "../types";

type Fields = Record<string, unknown>;

export function camerasFromTransforms(json: unknown, imageUrl: (path: string) => string): CapturedCamera[] {
  if (!isFields(json) || !Array.isArray(json["frames"])) {
    throw new ViewerError("The cameras cannot be read: transforms.json has no list of frames.");
  }
  const shared: Fields = json;
  return json["frames"].map((frame: unknown, index) => cameraOf(frame, shared, index, imageUrl));
}

function cameraOf(
  frame: unknown,
  shared: Fields,
  index: number,
  imageUrl: (path: string) => string,
): CapturedCamera {
  if (!isFields(frame)) {
    throw unreadable(index, "it is not an object");
  }
  const number = (key: string): number | undefined => finite(frame[key]) ?? finite(shared[key]);
  const width = number("w");
  const height = number("h");
  if (width === undefined || height === undefined) {
    throw unreadable(index, "its width or height is missing");
  }
  const angle = number("camera_angle_x");
  const fx = number("fl_x") ?? (angle === undefined ? undefined : width / (2 * Math.tan(angle / 2)));
  if (fx === undefined) {
    throw unreadable(index, "its focal length is missing");
  }
  const path = typeof frame["file_path"] === "string" ? frame["file_path"] : undefined;
  return {
    name: path === undefined ? `view ${index + 1}` : lastPart(path),
    width,
    height,
    fx,
    fy: number("fl_y") ?? fx,
    cx: number("cx") ?? width / 2,
    cy: number("cy") ?? height / 2,
    camFromWorld: camFromWorldOf(frame["transform_matrix"], index),
    ...(path === undefined ? {} : { imageUrl: imageUrl(path) }),
  };
}

/** Ours is theirs inverted, with the camera's y and z turned round. */
function camFromWorldOf(rows: unknown, index: number): number[] {
  const values = Array.isArray(rows) ? rows.flat().map(finite) : [];
  const numbers = values.filter((value) => value !== undefined);
  if (numbers.length !== 16 || values.length !== 16) {
    throw unreadable(index, "its transform_matrix is not 4 by 4 numbers");
  }
  const worldFromCam = new Matrix4()
    .fromArray(numbers)
    .transpose()
    .multiply(new Matrix4().makeScale(1, -1, -1));
  return worldFromCam.invert().transpose().toArray();
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function finite(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function unreadable(index: number, why: string): ViewerError {
  return new ViewerError(`The cameras cannot be read: in transforms.json, of frame ${index}, ${why}.`);
}
