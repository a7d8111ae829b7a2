/** Moves the camera: round a pivot or on foot. Every hand (mouse, keys, touch, gamepad, link) ends here. */
import { Vector3 } from "three";
import type { Stage } from "../stage";
import { type Flight, flightTo } from "./flight";
import { forwardOf, type Pose, poseOf, quaternionOf, rightOf } from "./pose";

export type Mode = "orbit" | "walk";

export interface View extends Pose {
  pivot: Vector3;
  /** Vertical, in degrees. */
  fov: number;
  mode: Mode;
}

const STEEPEST = (89 * Math.PI) / 180;
/** The share of a roll that is left after one second of the user's turning. */
const ROLL_LEFT = 0.002;
/** Sizes of the scene per second, on foot. */
const WALKING = 0.22;

export class Navigator {
  mode: Mode = "orbit";
  readonly pivot = new Vector3();
  /** How large the scene is, in its own units: speeds and distances follow from it. */
  size = 1;
  /** Told when the user has taken the camera into the hand. */
  onMoved: () => void = () => undefined;
  private readonly position = new Vector3();
  private yaw = 0;
  private pitch = 0;
  private roll = 0;
  private levelling = false;
  private flight: Flight | undefined;

  constructor(private readonly stage: Stage) {
    stage.onTick((seconds) => this.tick(seconds));
  }

  get view(): View {
    const { mode, yaw, pitch, roll } = this;
    const { fov } = this.stage.camera;
    return { position: this.position.clone(), yaw, pitch, roll, pivot: this.pivot.clone(), fov, mode };
  }

  /** One step of walking per second. */
  get speed(): number {
    return this.size * WALKING;
  }

  /** Turns the view; radians, positive to the right and down as the hand drags. */
  rotate(right: number, down: number): void {
    this.taken();
    this.levelling = true;
    const orbiting = this.mode === "orbit";
    const from = quaternionOf(this.view);
    // Round a pivot the hand turns the scene; on foot it drags the world past the eyes.
    this.yaw += orbiting ? -right : right;
    this.pitch = Math.max(-STEEPEST, Math.min(STEEPEST, this.pitch + (orbiting ? -down : down)));
    if (orbiting) {
      const local = this.position.clone().sub(this.pivot).applyQuaternion(from.invert());
      this.position.copy(local.applyQuaternion(quaternionOf(this.view))).add(this.pivot);
    }
    this.apply();
  }

  /** Shifts the view so that what lies at the pivot's depth follows the hand; in heights of the view. */
  pan(right: number, down: number): void {
    this.taken();
    const height = 2 * Math.tan((this.stage.camera.fov * Math.PI) / 360) * this.pivotDistance;
    const up = rightOf(this.yaw).cross(forwardOf(this.yaw, this.pitch));
    this.shift(
      rightOf(this.yaw)
        .multiplyScalar(-right * height)
        .addScaledVector(up, down * height),
    );
  }

  /** Nearer to the pivot (positive) or farther; on foot forwards or back. */
  dolly(amount: number): void {
    this.taken();
    const nearest = this.size * 0.02;
    const factor = Math.exp(-amount);
    if (this.mode === "walk" || this.pivotDistance * factor < nearest) {
      this.shift(forwardOf(this.yaw, this.pitch).multiplyScalar(amount * this.size * 0.15));
      return;
    }
    this.position.sub(this.pivot).multiplyScalar(factor).add(this.pivot);
    this.apply();
  }

  /** Moves along the floor and up; in units of the scene. */
  step(forwards: number, right: number, up: number): void {
    this.taken();
    const ahead = new Vector3(Math.cos(this.yaw), Math.sin(this.yaw), 0);
    this.shift(
      ahead
        .multiplyScalar(forwards)
        .addScaledVector(rightOf(this.yaw), right)
        .add(new Vector3(0, 0, up)),
    );
  }

  setPivot(point: Vector3): void {
    this.pivot.copy(point);
    this.stage.invalidate();
  }

  /** Stands there at once. */
  place(pose: Pose, fov: number, pivot?: Vector3): void {
    this.flight = undefined;
    this.levelling = false;
    this.position.copy(pose.position);
    this.yaw = pose.yaw;
    this.pitch = pose.pitch;
    this.roll = pose.roll;
    this.pivot.copy(pivot ?? this.ahead(Math.max(this.pivotDistance, this.size * 0.1)));
    this.stage.camera.fov = fov;
    this.stage.camera.updateProjectionMatrix();
    this.apply();
  }

  /** Goes there smoothly, or at once for those who want less motion. */
  flyTo(pose: Pose, fov: number, pivot?: Vector3): void {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.place(pose, fov, pivot);
      return;
    }
    this.flight = flightTo(this.view, { ...pose, fov }, pivot);
    this.stage.invalidate();
  }

  private tick(seconds: number): boolean {
    const { flight } = this;
    if (flight !== undefined) {
      const { position, quaternion, fov, done } = flight.after(seconds);
      this.place(poseOf(position, quaternion), fov, done ? flight.pivot : undefined);
      this.flight = done ? undefined : flight;
      return !done;
    }
    if (!this.levelling || this.roll === 0) return false;
    this.roll = Math.abs(this.roll) < 1e-3 ? 0 : this.roll * ROLL_LEFT ** seconds;
    this.apply();
    return this.roll !== 0;
  }

  private get pivotDistance(): number {
    return this.position.distanceTo(this.pivot);
  }

  private ahead(distance: number): Vector3 {
    return forwardOf(this.yaw, this.pitch).multiplyScalar(distance).add(this.position);
  }

  private shift(by: Vector3): void {
    this.position.add(by);
    this.pivot.add(by);
    this.apply();
  }

  private taken(): void {
    this.flight = undefined;
    this.onMoved();
  }

  private apply(): void {
    const { camera } = this.stage;
    camera.position.copy(this.position);
    camera.quaternion.copy(quaternionOf(this.view));
    this.stage.invalidate();
  }
}
