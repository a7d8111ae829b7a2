import { beforeEach, describe, expect, it } from "vitest";
import { rememberedScale, rememberScale } from "../../src/viewer/tools/remembered-scale";
import { lengthText, metresFrom, placeText, scaleFrom } from "../../src/viewer/tools/units";

describe("lengths", () => {
  it.each([
    [2, 1, "2.00 m"],
    [0.5, 1, "50.0 cm"],
    [0.5, 0.01, "5 mm"],
    [3, 0.5, "1.50 m"],
    [1.23456, undefined, "1.23 units"],
  ])("%d units at %s metres a unit read as %s", (units, scale, text) => {
    expect(lengthText(units, scale)).toBe(text);
  });

  it.each([
    ["2.05", 2.05],
    ["2,05 m", 2.05],
    ["80 cm", 0.8],
    ["12 MM", 0.012],
    ["6 ft", 1.8288],
    [" .5 ", 0.5],
    ["", undefined],
    ["0", undefined],
    ["-3", undefined],
    ["2 miles", undefined],
    ["1.2.3", undefined],
  ])("a person's %j is %s metres", (text, metres) => {
    const found = metresFrom(text);
    if (metres === undefined) expect(found).toBeUndefined();
    else expect(found).toBeCloseTo(metres, 9);
  });

  it("are signed where they are places", () => {
    expect(placeText(-1.5, undefined)).toBe("-1.50");
    expect(placeText(-1.5, 0.5)).toBe("-0.75 m");
    expect(placeText(-0.001, 1)).toBe("0.00 m");
  });

  it("follow from one known edge, and from no edge of no length", () => {
    expect(scaleFrom(4, 2)).toBe(0.5);
    expect(scaleFrom(0, 2)).toBeUndefined();
    expect(scaleFrom(4, 0)).toBeUndefined();
  });
});

describe("a scene's scale", () => {
  beforeEach(() => localStorage.clear());

  it("is remembered by scene", () => {
    rememberScale("/a/scene.ply", 0.25);
    expect(rememberedScale("/a/scene.ply")).toBe(0.25);
    expect(rememberedScale("/b/scene.ply")).toBeUndefined();
  });

  it("is nothing where somebody else has written there", () => {
    localStorage.setItem("roomsplat.scale.x", "wide");
    expect(rememberedScale("x")).toBeUndefined();
  });
});
