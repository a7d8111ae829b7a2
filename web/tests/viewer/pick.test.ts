import { Quaternion, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import { distanceOf, meet, type PickRay, type SplatShape } from "../../src/viewer/scene/pick";

const RAY: PickRay = { origin: new Vector3(0, 0, 1), direction: new Vector3(1, 0, 0), widening: 0 };

function splat(change: Partial<SplatShape> = {}): SplatShape {
  return {
    center: new Vector3(5, 0, 1),
    scales: new Vector3(0.1, 0.2, 0.3),
    quaternion: new Quaternion(),
    opacity: 0.8,
    ...change,
  };
}

describe("a ray through a splat", () => {
  it("meets it at its centre with its whole opacity", () => {
    const hit = meet(splat(), RAY);
    expect(hit?.distance).toBeCloseTo(5, 9);
    expect(hit?.alpha).toBeCloseTo(0.8, 9);
  });

  it("sees e^-1/2 of it one standard deviation beside, along the axis that lies there", () => {
    const beside = splat({ center: new Vector3(5, 0, 1.3) });
    expect(meet(beside, RAY)?.alpha).toBeCloseTo(0.8 * Math.exp(-0.5), 9);
    const turned = splat({
      center: new Vector3(5, 0, 1.2),
      quaternion: new Quaternion().setFromAxisAngle(new Vector3(1, 0, 0), Math.PI / 2),
    });
    expect(meet(turned, RAY)?.alpha).toBeCloseTo(0.8 * Math.exp(-0.5), 9);
  });

  it("misses what lies behind the eye or too far beside", () => {
    expect(meet(splat({ center: new Vector3(-5, 0, 1) }), RAY)).toBeUndefined();
    expect(meet(splat({ center: new Vector3(5, 0, 3) }), RAY)).toBeUndefined();
  });

  it("finds small far splats as wide as they are drawn", () => {
    const far = splat({ center: new Vector3(5, 0.02, 1), scales: new Vector3(1e-4, 1e-4, 1e-4) });
    expect(meet(far, RAY)).toBeUndefined();
    expect(meet(far, { ...RAY, widening: 0.01 })?.alpha).toBeGreaterThan(0.7);
  });
});

describe("the point under a pixel", () => {
  it("lies where half of the light is gone, whatever the order of the splats in memory", () => {
    const hits = [
      { distance: 9, alpha: 0.9 },
      { distance: 2, alpha: 0.3 },
      { distance: 3, alpha: 0.4 },
      { distance: 1, alpha: 0.05 },
    ];
    expect(distanceOf(hits)).toBe(3);
  });

  it("is the densest splat's where nothing hides half, and none in thin haze", () => {
    expect(distanceOf([0.2, 0.3].map((alpha, index) => ({ distance: index + 1, alpha })))).toBe(2);
    expect(distanceOf([{ distance: 1, alpha: 0.1 }])).toBeUndefined();
    expect(distanceOf([])).toBeUndefined();
  });
});
