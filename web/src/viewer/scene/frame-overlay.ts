/** One captured picture, hung up where its camera saw it. */
import {
  BufferGeometry,
  DoubleSide,
  Float32BufferAttribute,
  Mesh,
  MeshBasicMaterial,
  SRGBColorSpace,
  Texture,
} from "three";
import type { CapturedCamera, Load } from "../types";
import { cornersOf } from "./frustums";
import { fetched } from "./load";

export class FrameOverlay {
  readonly mesh: Mesh<BufferGeometry, MeshBasicMaterial>;
  private wanted: CapturedCamera | undefined;

  constructor(
    private readonly load: Load,
    private readonly onShown: () => void,
  ) {
    const geometry = new BufferGeometry();
    geometry.setAttribute("uv", new Float32BufferAttribute([0, 1, 1, 1, 1, 0, 0, 0], 2));
    geometry.setIndex([0, 1, 2, 0, 2, 3]);
    // Over the splats, whichever is nearer: it is laid on the view like a slide.
    const material = new MeshBasicMaterial({
      transparent: true,
      depthTest: false,
      depthWrite: false,
      side: DoubleSide,
      toneMapped: false,
    });
    this.mesh = new Mesh(geometry, material);
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = 10;
    this.mesh.visible = false;
  }

  set opacity(value: number) {
    this.mesh.material.opacity = value;
  }

  async show(camera: CapturedCamera | undefined, depth: number): Promise<void> {
    this.wanted = camera;
    if (camera?.imageUrl === undefined) {
      this.mesh.visible = false;
      return;
    }
    const response = await fetched(`The picture ${camera.name}`, camera.imageUrl, this.load);
    // WebGL counts rows from below, and cannot turn an ImageBitmap by itself.
    const image = await createImageBitmap(await response.blob(), { imageOrientation: "flipY" });
    if (this.wanted !== camera) {
      image.close();
      return;
    }
    this.forget();
    const texture = new Texture(image);
    texture.flipY = false;
    texture.colorSpace = SRGBColorSpace;
    texture.needsUpdate = true;
    this.mesh.material.map = texture;
    this.mesh.material.needsUpdate = true;
    const corners = cornersOf(camera, depth).flatMap((corner) => corner.toArray());
    this.mesh.geometry.setAttribute("position", new Float32BufferAttribute(corners, 3));
    this.mesh.visible = true;
    this.onShown();
  }

  hide(): void {
    this.wanted = undefined;
    this.mesh.visible = false;
    this.forget();
  }

  dispose(): void {
    this.hide();
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
  }

  private forget(): void {
    const { map } = this.mesh.material;
    if (map === null) return;
    if (map.image instanceof ImageBitmap) map.image.close();
    map.dispose();
    this.mesh.material.map = null;
  }
}
