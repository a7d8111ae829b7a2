/** The views that were filmed: standing in one, going to the next, laying its picture over the scene. */

import { Quaternion, Vector3 } from "three";
import { type Pose, poseOf } from "./move/pose";
import { fittingFov, worldFromThreeCamera } from "./scene/camera-math";
import { FrameOverlay } from "./scene/frame-overlay";
import { Frustums, pyramidDepth } from "./scene/frustums";
import type { Stage } from "./stage";
import type { CapturedCamera, Load } from "./types";

export interface CapturedView {
  pose: Pose;
  fov: number;
}

export class CapturedViews {
  cameras: readonly CapturedCamera[] = [];
  /** Index of the view that was gone to last. */
  chosen: number | undefined;
  size = 1;
  private shown = false;
  private framed = false;
  private readonly frustums = new Frustums();
  private readonly frame: FrameOverlay;

  constructor(
    private readonly stage: Stage,
    load: Load,
    private readonly onError: (error: unknown) => void,
  ) {
    this.frame = new FrameOverlay(load, () => stage.invalidate());
    this.frame.opacity = 0.5;
    stage.overlays.add(this.frustums.group, this.frame.mesh);
  }

  set(cameras: readonly CapturedCamera[], size: number): void {
    this.cameras = cameras;
    this.size = size;
    if (this.chosen !== undefined && this.chosen >= cameras.length) this.chosen = undefined;
    this.redraw();
  }

  get middle(): CapturedView | undefined {
    const view = this.view(Math.floor(this.cameras.length / 2));
    return view && { ...view, pose: { ...view.pose, roll: 0 } };
  }

  /** The view `by` places on, round and round; the first step goes to the middle one. */
  step(by: number): CapturedView | undefined {
    const count = this.cameras.length;
    if (count === 0) return undefined;
    const from = this.chosen ?? Math.floor(count / 2) - by;
    this.chosen = (((from + by) % count) + count) % count;
    this.redraw();
    return this.view(this.chosen);
  }

  get shows(): boolean {
    return this.shown;
  }

  setShown(shown: boolean): void {
    this.shown = shown;
    this.redraw();
  }

  setFramed(framed: boolean): void {
    this.framed = framed;
    this.redraw();
  }

  set opacity(value: number) {
    this.frame.opacity = value;
    this.stage.invalidate();
  }

  dispose(): void {
    this.frustums.clear();
    this.frame.dispose();
  }

  private view(index: number): CapturedView | undefined {
    const camera = this.cameras[index];
    if (camera === undefined) return undefined;
    const position = new Vector3();
    const quaternion = new Quaternion();
    worldFromThreeCamera(camera).decompose(position, quaternion, new Vector3());
    return { pose: poseOf(position, quaternion), fov: fittingFov(camera, this.stage.camera.aspect) };
  }

  private redraw(): void {
    if (this.shown) this.frustums.show(this.cameras, this.size, this.chosen);
    else this.frustums.clear();
    const camera = this.framed && this.chosen !== undefined ? this.cameras[this.chosen] : undefined;
    if (camera === undefined) this.frame.hide();
    else this.frame.show(camera, pyramidDepth(this.size, true)).catch(this.onError);
    this.stage.invalidate();
  }
}
