/** Where a camera stands and looks in a world whose +z is up, in angles that a hand can turn. */
import { Matrix4, Quaternion, Vector3 } from "three";

export interface Pose {
  position: Vector3;
  /** Radians, counterclockwise seen from above; 0 looks along +x. */
  yaw: number;
  /** Radians above the horizon. */
  pitch: number;
  /** Radians about the line of sight; 0 is upright. */
  roll: number;
}

const UP = new Vector3(0, 0, 1);
/** Nearer to the zenith than this, yaw is read from the camera's up instead of from its line of sight. */
const STEEP = 0.9999;

export function forwardOf(yaw: number, pitch: number): Vector3 {
  return new Vector3(Math.cos(pitch) * Math.cos(yaw), Math.cos(pitch) * Math.sin(yaw), Math.sin(pitch));
}

export function rightOf(yaw: number): Vector3 {
  return new Vector3(Math.sin(yaw), -Math.cos(yaw), 0);
}

/** The rotation of a three camera (right, up, backwards) in this pose. */
export function quaternionOf({ yaw, pitch, roll }: Omit<Pose, "position">): Quaternion {
  const forward = forwardOf(yaw, pitch);
  const right = rightOf(yaw);
  const up = right.clone().cross(forward);
  const upright = new Quaternion().setFromRotationMatrix(
    new Matrix4().makeBasis(right, up, forward.negate()),
  );
  return upright.multiply(new Quaternion().setFromAxisAngle(new Vector3(0, 0, 1), roll));
}

export function poseOf(position: Vector3, quaternion: Quaternion): Pose {
  const forward = new Vector3(0, 0, -1).applyQuaternion(quaternion);
  const up = new Vector3(0, 1, 0).applyQuaternion(quaternion);
  const steep = Math.abs(forward.z) > STEEP;
  const heading = steep ? up.clone().multiplyScalar(-Math.sign(forward.z)) : forward;
  const yaw = Math.atan2(heading.y, heading.x);
  const pitch = Math.asin(Math.min(1, Math.max(-1, forward.z)));
  const right = rightOf(yaw);
  const level = right.clone().cross(forward);
  const roll = steep ? 0 : Math.atan2(-up.dot(right), up.dot(level));
  return { position: position.clone(), yaw, pitch, roll };
}

/** The way from `position` to `target`, upright. */
export function lookingAt(position: Vector3, target: Vector3): Pose {
  const way = target.clone().sub(position).normalize();
  const straight = Math.abs(way.dot(UP)) > STEEP;
  return {
    position: position.clone(),
    yaw: straight ? 0 : Math.atan2(way.y, way.x),
    pitch: Math.asin(Math.min(1, Math.max(-1, way.z))),
    roll: 0,
  };
}
