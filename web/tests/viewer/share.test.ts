import { Box3, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import { codeIn, decodeShared, encodeShared, type Shared, withCode } from "../../src/viewer/tools/share";

function shared(): Shared {
  return {
    view: {
      position: new Vector3(1.25, -3.5, 0.1),
      pivot: new Vector3(10, 20, -30),
      yaw: 2.5,
      pitch: -0.7,
      roll: 0.01,
      fov: 61.5,
      mode: "walk",
    },
  };
}

describe("a shared view", () => {
  it("comes back from its code, to what a hand could set", () => {
    const back = decodeShared(encodeShared(shared()));
    const { view } = shared();
    expect(back?.view.position.distanceTo(view.position)).toBeLessThan(1e-6);
    expect(back?.view.pivot.distanceTo(view.pivot)).toBeLessThan(1e-6);
    expect(back?.view.mode).toBe("walk");
    expect(back?.view.yaw).toBeCloseTo(view.yaw, 4);
    expect(back?.view.pitch).toBeCloseTo(view.pitch, 4);
    expect(back?.view.roll).toBeCloseTo(view.roll, 4);
    expect(back?.view.fov).toBeCloseTo(view.fov, 2);
    expect(back).not.toHaveProperty("scale");
    expect(back).not.toHaveProperty("crop");
  });

  it("carries scale and crop where there are any", () => {
    const crop = new Box3(new Vector3(-1, -2, -3), new Vector3(1, 2, 3));
    const back = decodeShared(encodeShared({ ...shared(), scale: 0.5, crop }));
    expect(back?.scale).toBe(0.5);
    expect(back?.crop?.equals(crop)).toBe(true);
  });

  it("keeps the direction of a camera that was turned round several times", () => {
    const turned = shared();
    turned.view.yaw += 6 * Math.PI;
    expect(decodeShared(encodeShared(turned))?.view.yaw).toBeCloseTo(shared().view.yaw, 4);
  });

  it("is short: a plain view takes less than fifty letters, all of them safe in an address", () => {
    const code = encodeShared(shared());
    expect(code.length).toBeLessThan(50);
    expect(encodeURIComponent(code)).toBe(code);
  });

  it.each(["", "AQ", "not-a-code", "%%%", encodeShared(shared()).slice(0, -4), `x${encodeShared(shared())}`])(
    "is nothing where the code is not one: %s",
    (code) => {
      expect(decodeShared(code)).toBeUndefined();
    },
  );

  it("is nothing where a number in it is none", () => {
    const broken = shared();
    broken.view.position.x = Number.NaN;
    expect(decodeShared(encodeShared(broken))).toBeUndefined();
  });
});

describe("the address", () => {
  it.each(["", "#", "#view=OLD", "#jobs/1", "#a=1", "#a=1&view=OLD", "#view=OLD&a=1", "#/jobs/1?view=OLD"])(
    "holds one view, and keeps the rest: %s",
    (fragment) => {
      const next = withCode(fragment, "NEW");
      expect(codeIn(next)).toBe("NEW");
      expect(next.match(/view=/g)).toHaveLength(1);
      for (const kept of ["jobs/1", "a=1"]) expect(next.includes(kept)).toBe(fragment.includes(kept));
    },
  );

  it("without a view has no code", () => {
    expect(codeIn("#jobs/1")).toBeUndefined();
    expect(codeIn("#preview=x")).toBeUndefined();
  });
});
