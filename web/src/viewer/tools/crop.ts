/** A box: splats whose centre lies outside it are not drawn. */
import { SplatEdit, SplatEditRgbaBlendMode, SplatEditSdf, SplatEditSdfType } from "@sparkjsdev/spark";
import { Box3, Box3Helper, Color, LineBasicMaterial, type Vector3 } from "three";
import { OVER_SPLATS, type Stage } from "../stage";

const COLOUR = 0xf59e0b;

export class Crop {
  private box: Box3 | undefined;
  private readonly sdf = new SplatEditSdf({
    type: SplatEditSdfType.BOX,
    invert: true,
    opacity: 0,
    color: new Color(1, 1, 1),
  });
  private readonly edit = new SplatEdit({ rgbaBlendMode: SplatEditRgbaBlendMode.MULTIPLY, sdfs: [this.sdf] });
  private readonly frame = new Box3Helper(new Box3(), new Color(COLOUR));

  constructor(private readonly stage: Stage) {
    if (this.frame.material instanceof LineBasicMaterial) this.frame.material.setValues(OVER_SPLATS);
    this.frame.renderOrder = 20;
    this.frame.visible = false;
    stage.overlays.add(this.frame);
  }

  get value(): Box3 | undefined {
    return this.box?.clone();
  }

  set(box: Box3 | undefined): void {
    this.box = box?.clone();
    const { scene } = this.stage;
    if (box === undefined) {
      scene.remove(this.edit, this.sdf);
    } else {
      box.getCenter(this.sdf.position);
      // The shape's scale is half of its sides; nothing must be of no thickness.
      box.getSize(this.sdf.scale).multiplyScalar(0.5).clampScalar(1e-6, Number.MAX_VALUE);
      this.frame.box.copy(box);
      scene.add(this.edit, this.sdf);
    }
    this.frame.visible &&= box !== undefined;
    this.stage.invalidate();
  }

  /** Whether the box's edges are drawn. */
  setFrameShown(shown: boolean): void {
    this.frame.visible = shown && this.box !== undefined;
    this.stage.invalidate();
  }

  holds(point: Vector3): boolean {
    return this.box?.containsPoint(point) ?? true;
  }

  dispose(): void {
    this.set(undefined);
    this.stage.overlays.remove(this.frame);
    this.frame.geometry.dispose();
    if (this.frame.material instanceof LineBasicMaterial) this.frame.material.dispose();
  }
}
