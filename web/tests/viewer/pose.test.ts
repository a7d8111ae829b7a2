import { Quaternion, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import { flightTo } from "../../src/viewer/move/flight";
import { forwardOf, lookingAt, poseOf, quaternionOf, rightOf } from "../../src/viewer/move/pose";

const POSITION = new Vector3(1, 2, 3);

describe("poses", () => {
  it.each([
    { yaw: 0.3, pitch: 0.2, roll: 0 },
    { yaw: -2.9, pitch: -1.2, roll: 0.4 },
    { yaw: 1.6, pitch: 1.5, roll: -1.1 },
    { yaw: 3, pitch: 0, roll: 3 },
  ])("come back from the rotation that they make: %j", (angles) => {
    const back = poseOf(POSITION, quaternionOf(angles));
    expect(back.yaw).toBeCloseTo(angles.yaw, 6);
    expect(back.pitch).toBeCloseTo(angles.pitch, 6);
    expect(back.roll).toBeCloseTo(angles.roll, 6);
  });

  it("look along their direction, with their right to the right and the world's up above", () => {
    const rotation = quaternionOf({ yaw: 0.8, pitch: 0.4, roll: 0 });
    const forward = new Vector3(0, 0, -1).applyQuaternion(rotation);
    const right = new Vector3(1, 0, 0).applyQuaternion(rotation);
    expect(forward.distanceTo(forwardOf(0.8, 0.4))).toBeLessThan(1e-6);
    expect(right.distanceTo(rightOf(0.8))).toBeLessThan(1e-6);
    expect(new Vector3(0, 1, 0).applyQuaternion(rotation).z).toBeGreaterThan(0);
  });

  it("keep their line of sight straight down and straight up, where yaw has no meaning of its own", () => {
    for (const pitch of [-Math.PI / 2, Math.PI / 2]) {
      const rotation = quaternionOf({ yaw: 0.7, pitch, roll: 0 });
      const back = quaternionOf(poseOf(POSITION, rotation));
      expect(Math.abs(back.dot(rotation))).toBeGreaterThan(0.9999);
    }
  });

  it("look at a point", () => {
    const target = new Vector3(-4, 0.5, 1);
    const pose = lookingAt(POSITION, target);
    const way = target.clone().sub(POSITION).normalize();
    expect(forwardOf(pose.yaw, pose.pitch).distanceTo(way)).toBeLessThan(1e-6);
    expect(pose.roll).toBe(0);
  });
});

describe("a flight", () => {
  it("starts at one view, ends exactly at the other, and never looks through a third", () => {
    const from = { position: POSITION, yaw: 0, pitch: 0, roll: 0, fov: 50 };
    const to = { position: new Vector3(5, 5, 5), yaw: 1, pitch: 0.3, roll: 0.2, fov: 70 };
    const flight = flightTo(from, to, undefined);
    const start = flight.after(0);
    expect(start.position.distanceTo(POSITION)).toBe(0);
    expect(start.done).toBe(false);
    const middle = flight.after(0.45);
    expect(middle.fov).toBeGreaterThan(50);
    expect(middle.fov).toBeLessThan(70);
    const end = flight.after(5);
    expect(end.done).toBe(true);
    expect(end.position.distanceTo(to.position)).toBeLessThan(1e-9);
    expect(Math.abs(end.quaternion.dot(new Quaternion().copy(quaternionOf(to))))).toBeCloseTo(1, 9);
  });
});
