/** A smooth way from one view to another. */
import { Quaternion, Vector3 } from "three";
import { type Pose, quaternionOf } from "./pose";

const SECONDS = 0.9;

interface Place extends Pose {
  fov: number;
}

export interface Flight {
  pivot: Vector3 | undefined;
  after(seconds: number): { position: Vector3; quaternion: Quaternion; fov: number; done: boolean };
}

export function flightTo(from: Place, to: Place, pivot: Vector3 | undefined): Flight {
  const start = quaternionOf(from);
  const end = quaternionOf(to);
  let passed = 0;
  return {
    pivot,
    after: (seconds) => {
      passed = Math.min(1, passed + seconds / SECONDS);
      const share = eased(passed);
      return {
        position: new Vector3().lerpVectors(from.position, to.position, share),
        quaternion: new Quaternion().slerpQuaternions(start, end, share),
        fov: from.fov + (to.fov - from.fov) * share,
        done: passed >= 1,
      };
    },
  };
}

/** Starts and ends at rest. */
function eased(share: number): number {
  return share * share * (3 - 2 * share);
}
