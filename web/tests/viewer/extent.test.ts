import { describe, expect, it } from "vitest";
import { robustBox } from "../../src/viewer/scene/extent";

describe("the extent of a scene", () => {
  it("is not moved by a few splats far away", () => {
    const count = 1000;
    const values = new Float32Array(count * 4);
    for (let point = 0; point < count; point++) {
      const share = point / (count - 1);
      values.set([share, 2 * share - 1, point < 5 ? 1e6 : 3, Number.NaN], point * 4);
    }
    const { min, max } = robustBox(values, count);
    expect(min.x).toBeCloseTo(0.01, 2);
    expect(max.x).toBeCloseTo(0.99, 2);
    expect(min.y).toBeCloseTo(-0.98, 1);
    expect(max.y).toBeCloseTo(0.98, 1);
    expect([min.z, max.z]).toEqual([3, 3]);
  });

  it("of a large scene is found from a part of it", () => {
    const count = 200_000;
    const values = new Float32Array(count * 4).map((_, index) => (index % 4 === 0 ? index / 4 / count : 0));
    const { min, max } = robustBox(values, count);
    expect(min.x).toBeCloseTo(0.01, 2);
    expect(max.x).toBeCloseTo(0.99, 2);
  });
});
