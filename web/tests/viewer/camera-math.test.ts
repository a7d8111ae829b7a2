import { Matrix4, Vector3, Vector4 } from "three";
import { describe, expect, it } from "vitest";
import {
  camFromWorld,
  fittingFov,
  projectionOf,
  resized,
  worldFromThreeCamera,
} from "../../src/viewer/scene/camera-math";
import { centreOf, cornersOf } from "../../src/viewer/scene/frustums";
import { oddCamera } from "./cameras";

/** u = fx x/z + cx, v = fy y/z + cy: the definition, from docs/conventions.md. */
function pixelByDefinition(point: Vector3): [number, number] {
  const camera = oddCamera();
  const { x, y, z } = point.clone().applyMatrix4(camFromWorld(camera));
  return [(camera.fx * x) / z + camera.cx, (camera.fy * y) / z + camera.cy];
}

/** Where WebGL draws the point, in px from the upper left corner of a picture of that size. */
function pixelByWebGl(point: Vector3, width: number, height: number): [number, number] {
  const camera = resized(oddCamera(), width, height);
  const view = worldFromThreeCamera(camera).invert();
  const clip = new Vector4(point.x, point.y, point.z, 1)
    .applyMatrix4(view)
    .applyMatrix4(projectionOf(camera, 0.01, 100));
  return [((clip.x / clip.w + 1) / 2) * width, ((1 - clip.y / clip.w) / 2) * height];
}

describe("captured cameras", () => {
  // A point two units before the lens, off its axis.
  const seen = new Vector3(0.4, -0.3, 2).applyMatrix4(camFromWorld(oddCamera()).invert());

  it("draws a point at the pixel that the pinhole's definition gives, with the principal point off the centre", () => {
    const [u, v] = pixelByDefinition(seen);
    const drawn = pixelByWebGl(seen, 640, 360);
    expect(drawn[0]).toBeCloseTo(u, 3);
    expect(drawn[1]).toBeCloseTo(v, 3);
  });

  it("moves pixels in proportion when the picture has another size", () => {
    const [u, v] = pixelByDefinition(seen);
    const drawn = pixelByWebGl(seen, 1280, 540);
    expect(drawn[0]).toBeCloseTo(u * 2, 3);
    expect(drawn[1]).toBeCloseTo(v * 1.5, 3);
  });

  it("puts what lies before the lens between the near and the far plane", () => {
    const projection = projectionOf(oddCamera(), 0.01, 100);
    const depth = (z: number): number => {
      const clip = new Vector4(0, 0, -z, 1).applyMatrix4(projection);
      return clip.z / clip.w;
    };
    expect(depth(0.01)).toBeCloseTo(-1, 4);
    expect(depth(100)).toBeCloseTo(1, 4);
  });

  it("hangs a picture's corners where its own corner pixels are seen", () => {
    const [upperLeft, , lowerRight] = cornersOf(oddCamera(), 0.7);
    expect(pixelByDefinition(upperLeft)[0]).toBeCloseTo(0, 3);
    expect(pixelByDefinition(upperLeft)[1]).toBeCloseTo(0, 3);
    expect(pixelByDefinition(lowerRight)[0]).toBeCloseTo(640, 3);
    expect(pixelByDefinition(lowerRight)[1]).toBeCloseTo(360, 3);
  });

  it("knows the camera's centre: what it maps to the origin", () => {
    expect(centreOf(oddCamera()).distanceTo(new Vector3(1.5, -2.25, 0.75))).toBeLessThan(1e-6);
  });

  it("keeps a right-handed world: the three camera's axes have determinant one", () => {
    expect(new Matrix4().copy(worldFromThreeCamera(oddCamera())).determinant()).toBeCloseTo(1, 6);
  });

  it("shows the whole captured picture in a view of any aspect, as long as that is not too wide to look right", () => {
    const camera = { ...oddCamera(), fx: 900, fy: 900 };
    const halfTan = (fov: number): number => Math.tan((fov * Math.PI) / 360);
    for (const aspect of [0.8, 1.5, 2.5]) {
      const tall = halfTan(fittingFov(camera, aspect));
      expect(tall).toBeGreaterThanOrEqual(camera.height / (2 * camera.fy) - 1e-9);
      expect(tall * aspect).toBeGreaterThanOrEqual(camera.width / (2 * camera.fx) - 1e-9);
    }
    expect(fittingFov(oddCamera(), 0.2)).toBe(80);
  });
});
