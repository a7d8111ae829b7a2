/** The point of the scene under a pixel: there the splats before it hide half of what lies behind. */
import type { ExtSplats, SplatMesh } from "@sparkjsdev/spark";
import { type Quaternion, Raycaster, Vector2, Vector3 } from "three";
import { NEAR, type Stage } from "../stage";

/** A splat ends here, in standard deviations: it is fainter than 1/255 then. */
const REACH = 3.33;
/** px² that drawing adds to every splat. */
const LOW_PASS = 0.3;
const HIDDEN = 0.5;
/** Haze that hides less than this is nothing one could point at. */
const LEAST = 0.15;

/** Where a ray meets one splat. */
export interface Hit {
  /** Along the ray. */
  distance: number;
  alpha: number;
}

/** What a ray must know of a splat. */
export interface SplatShape {
  center: Vector3;
  scales: Vector3;
  quaternion: Quaternion;
  opacity: number;
}

export interface PickRay {
  origin: Vector3;
  /** Of length one. */
  direction: Vector3;
  /** How much wider a splat is drawn than it is, per unit of distance. */
  widening: number;
}

/** `x`, `y` in px from the canvas' upper left corner; only points that `keep` accepts count. */
export function pick(
  stage: Stage,
  mesh: SplatMesh,
  x: number,
  y: number,
  keep: (point: Vector3) => boolean,
): Vector3 | undefined {
  const splats = mesh.extSplats;
  if (splats === undefined) return undefined;
  const ray = rayThrough(stage, mesh, x, y);
  const at = (distance: number): Vector3 =>
    ray.origin.clone().addScaledVector(ray.direction, distance).applyMatrix4(mesh.matrixWorld);
  const hits: Hit[] = [];
  for (const index of nearRay(splats, ray)) {
    const hit = meet(splats.getSplat(index), ray);
    if (hit !== undefined && keep(at(hit.distance))) hits.push(hit);
  }
  const distance = distanceOf(hits);
  return distance === undefined ? undefined : at(distance);
}

/** The ray in the mesh's own space; a mesh may be turned, never scaled. */
function rayThrough({ camera, canvas }: Stage, mesh: SplatMesh, x: number, y: number): PickRay {
  camera.updateMatrixWorld();
  const raycaster = new Raycaster();
  raycaster.setFromCamera(
    new Vector2((2 * x) / canvas.clientWidth - 1, 1 - (2 * y) / canvas.clientHeight),
    camera,
  );
  const { origin, direction } = raycaster.ray.applyMatrix4(mesh.matrixWorld.clone().invert());
  const focal = canvas.clientHeight / (2 * Math.tan((camera.fov * Math.PI) / 360));
  return { origin, direction, widening: Math.sqrt(LOW_PASS) / focal };
}

/** Indices of the splats that the ray may touch. All are looked at, so this reads Spark's memory as it lies. */
function nearRay(splats: ExtSplats, { origin, direction, widening }: PickRay): number[] {
  const [places, shapes] = splats.extArrays;
  const centres = new Float32Array(places.buffer, places.byteOffset, places.length);
  const near: number[] = [];
  for (let index = 0, at = 0; index < splats.numSplats; index++, at += 4) {
    const x = (centres[at] ?? 0) - origin.x;
    const y = (centres[at + 1] ?? 0) - origin.y;
    const z = (centres[at + 2] ?? 0) - origin.z;
    const along = x * direction.x + y * direction.y + z * direction.z;
    // Words 1 and 2 of the second array hold the logarithms of the scales as half floats, y and z in the last.
    const first = EXP_OF_HALF[(shapes[at + 1] ?? 0) >>> 16] ?? 0;
    const pair = shapes[at + 2] ?? 0;
    const largest = Math.max(first, EXP_OF_HALF[pair & 0xffff] ?? 0, EXP_OF_HALF[pair >>> 16] ?? 0);
    const reach = REACH * (largest + widening * Math.abs(along));
    if (along > NEAR && x * x + y * y + z * z - along * along < reach * reach) near.push(index);
  }
  return near;
}

/** Where the splat is densest along the ray, and how much it hides there. */
export function meet(splat: SplatShape, { origin, direction, widening }: PickRay): Hit | undefined {
  const back = splat.quaternion.clone().invert();
  const from = origin.clone().sub(splat.center);
  const wider = (widening * from.length()) ** 2;
  const { x, y, z } = splat.scales;
  const scales = new Vector3(x * x + wider, y * y + wider, z * z + wider);
  for (const axis of ["x", "y", "z"] as const) scales[axis] = Math.sqrt(scales[axis]);
  const start = from.applyQuaternion(back).divide(scales);
  const way = direction.clone().applyQuaternion(back).divide(scales);
  const distance = -start.dot(way) / way.lengthSq();
  const alpha = splat.opacity * Math.exp(-0.5 * start.addScaledVector(way, distance).lengthSq());
  return distance > NEAR && alpha > 1 / 255 ? { distance, alpha } : undefined;
}

/** The distance at which half is hidden; else that of the splat which hides most, if that is something. */
export function distanceOf(hits: readonly Hit[]): number | undefined {
  let light = 1;
  let most: { distance: number; share: number } | undefined;
  for (const { distance, alpha } of [...hits].sort((a, b) => a.distance - b.distance)) {
    const share = light * Math.min(0.99, alpha);
    light -= share;
    if (light < HIDDEN) return distance;
    if (most === undefined || share > most.share) most = { distance, share };
  }
  return most !== undefined && most.share > LEAST ? most.distance : undefined;
}

/** e to the power of every half float. */
const EXP_OF_HALF = Float32Array.from({ length: 65536 }, (_, bits) => Math.exp(halfFrom(bits)));

function halfFrom(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return Number.NEGATIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}
