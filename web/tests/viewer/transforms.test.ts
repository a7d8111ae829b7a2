import { Matrix4 } from "three";
import { describe, expect, it } from "vitest";
import { camerasFromTransforms } from "../../src/viewer";
import { worldFromThreeCamera } from "../../src/viewer/scene/camera-math";
import { oddCamera } from "./cameras";

/** A three camera's matrix is nerfstudio's `transform_matrix`: both have OpenGL's axes. */
function rowsOf(matrix: Matrix4): number[][] {
  const values = matrix.clone().transpose().toArray();
  return [0, 4, 8, 12].map((from) => values.slice(from, from + 4));
}

function file(change: Record<string, unknown> = {}): Record<string, unknown> {
  const { fx, fy, cx, cy, width, height } = oddCamera();
  return {
    w: width,
    h: height,
    fl_x: fx,
    fl_y: fy,
    cx,
    cy,
    frames: [{ file_path: "images/odd.jpg", transform_matrix: rowsOf(worldFromThreeCamera(oddCamera())) }],
    ...change,
  };
}

describe("transforms.json", () => {
  it("gives back the camera that it was written from", () => {
    const [camera] = camerasFromTransforms(file(), (path) => `/files/${path}`);
    const { camFromWorld, ...plain } = oddCamera();
    expect(camera).toMatchObject({ ...plain, imageUrl: "/files/images/odd.jpg" });
    camera?.camFromWorld.forEach((value, index) => {
      expect(value).toBeCloseTo(camFromWorld[index] ?? Number.NaN, 5);
    });
  });

  it("prefers a frame's own intrinsics to those at the top", () => {
    const frames = [{ transform_matrix: rowsOf(new Matrix4()), fl_x: 123, w: 100 }];
    const [camera] = camerasFromTransforms(file({ frames }), String);
    expect(camera).toMatchObject({ fx: 123, width: 100, height: 360, name: "view 1" });
    expect(camera).not.toHaveProperty("imageUrl");
  });

  it("takes the angle of view where there is no focal length", () => {
    const change = { fl_x: undefined, fl_y: undefined, camera_angle_x: Math.PI / 2 };
    const [camera] = camerasFromTransforms(file(change), String);
    expect(camera?.fx).toBeCloseTo(320, 6);
    expect(camera?.fy).toBeCloseTo(320, 6);
  });

  it.each([
    [{ frames: undefined }, "no list of frames"],
    [{ frames: [{}] }, "of frame 0, its transform_matrix is not 4 by 4 numbers"],
    [{ frames: [{ transform_matrix: [[1, 2], ["x"]] }] }, "transform_matrix"],
    [{ frames: [7] }, "it is not an object"],
    [{ w: undefined }, "its width or height is missing"],
    [{ fl_x: "wide" }, "its focal length is missing"],
  ])("says in one sentence what is wrong with %j", (change, words) => {
    expect(() => camerasFromTransforms(file(change), String)).toThrow(words);
  });
});
