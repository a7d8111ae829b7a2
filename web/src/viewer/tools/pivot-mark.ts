/** A dot where the pivot was put, for a moment. */
import { BufferGeometry, Float32BufferAttribute, Points, PointsMaterial, type Vector3 } from "three";
import { OVER_SPLATS, type Stage } from "../stage";

const SHOWN_MS = 900;

export class PivotMark {
  private readonly dot = new Points(
    new BufferGeometry(),
    new PointsMaterial({ color: 0xffffff, size: 9, sizeAttenuation: false, ...OVER_SPLATS }),
  );
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly stage: Stage) {
    this.dot.geometry.setAttribute("position", new Float32BufferAttribute([0, 0, 0], 3));
    this.dot.frustumCulled = false;
    this.dot.renderOrder = 20;
    this.dot.visible = false;
    stage.overlays.add(this.dot);
  }

  show(point: Vector3): void {
    clearTimeout(this.timer);
    this.dot.position.copy(point);
    this.setShown(true);
    this.timer = setTimeout(() => this.setShown(false), SHOWN_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.dot.geometry.dispose();
    this.dot.material.dispose();
  }

  private setShown(shown: boolean): void {
    this.dot.visible = shown;
    this.stage.invalidate();
  }
}
