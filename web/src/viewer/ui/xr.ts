/** The room in a headset: the viewer's place on the floor becomes the place where one stands. */
import { type Group, Quaternion, Vector3 } from "three";
import type { Parts } from "../parts";

/** Metres from the floor to the eyes, for the place that the floor is put at. */
const EYES = 1.6;
const X = new Vector3(1, 0, 0);

export async function headsetIsThere(): Promise<boolean> {
  try {
    return (await navigator.xr?.isSessionSupported("immersive-vr")) ?? false;
  } catch {
    return false;
  }
}

export async function enterHeadset({ stage, navigator: hand, measure, status }: Parts): Promise<void> {
  const system = navigator.xr;
  if (system === undefined) return;
  const { renderer, rig } = stage;
  try {
    const session = await system.requestSession("immersive-vr", { optionalFeatures: ["local-floor"] });
    const { position, yaw } = hand.view;
    const units = 1 / (measure.scale ?? 1);
    // A headset's world has +y up and looks along -z; ours has +z up.
    rig.quaternion.setFromAxisAngle(new Vector3(0, 0, 1), yaw - Math.PI / 2).multiply(tiltedUp());
    rig.scale.setScalar(units);
    rig.position.copy(position).add(new Vector3(0, 0, -EYES * units));
    await renderer.xr.setSession(session);
    const forget = stage.onTick((seconds) => walkInside(session, rig, hand.speed * seconds));
    renderer.setAnimationLoop((now) => stage.frame(now));
    session.addEventListener("end", () => {
      forget();
      renderer.setAnimationLoop(null);
      rig.position.set(0, 0, 0);
      rig.quaternion.identity();
      rig.scale.setScalar(1);
      hand.place(hand.view, hand.view.fov, hand.view.pivot);
    });
  } catch {
    status.say("The headset could not be started: check that it is connected and awake.");
  }
}

/** A controller's stick pushes the room along the floor. */
function walkInside(session: XRSession, rig: Group, way: number): boolean {
  for (const { gamepad } of session.inputSources) {
    const [, , x = 0, y = 0] = gamepad?.axes ?? [];
    if (Math.hypot(x, y) < 0.15) continue;
    rig.position.add(new Vector3(x, 0, y).multiplyScalar(way).applyQuaternion(rig.quaternion));
  }
  return true;
}

function tiltedUp(): Quaternion {
  return new Quaternion().setFromAxisAngle(X, Math.PI / 2);
}
