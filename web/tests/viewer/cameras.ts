/** A camera with nothing symmetrical about it, for the laws of the viewer. */
import { Matrix4, Quaternion, Vector3 } from "three";
import type { CapturedCamera } from "../../src/viewer";

export function oddCamera(): CapturedCamera {
  const worldFromCam = new Matrix4().compose(
    new Vector3(1.5, -2.25, 0.75),
    new Quaternion(0.3, -0.5, 0.2, 0.7).normalize(),
    new Vector3(1, 1, 1),
  );
  return {
    name: "odd.jpg",
    width: 640,
    height: 360,
    fx: 480,
    fy: 500,
    cx: 300,
    cy: 200,
    camFromWorld: worldFromCam.invert().transpose().toArray(),
  };
}
