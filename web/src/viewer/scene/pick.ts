/** The point of the scene under a pixel. */
import type { SplatMesh } from "@sparkjsdev/spark";
import { type Intersection, Raycaster, Vector2, type Vector3 } from "three";
import { NEAR, type Stage } from "../stage";

/** Fainter splats are haze: one sees and picks through them. */
const OPAQUE = 0.35;

/** `x`, `y` in px from the canvas' upper left corner; only points that `keep` accepts count. */
export function pick(
  stage: Stage,
  mesh: SplatMesh,
  x: number,
  y: number,
  keep: (point: Vector3) => boolean,
): Vector3 | undefined {
  const { camera, canvas } = stage;
  camera.updateMatrixWorld();
  const raycaster = new Raycaster();
  raycaster.setFromCamera(
    new Vector2((2 * x) / canvas.clientWidth - 1, 1 - (2 * y) / canvas.clientHeight),
    camera,
  );
  raycaster.near = NEAR;
  mesh.minRaycastOpacity = OPAQUE;
  const hits: Intersection[] = [];
  mesh.raycast(raycaster, hits);
  let nearest: Intersection | undefined;
  for (const hit of hits) {
    if ((nearest === undefined || hit.distance < nearest.distance) && keep(hit.point)) nearest = hit;
  }
  return nearest?.point;
}
