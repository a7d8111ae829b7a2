/** Where the film was shot: the path of the camera and a small pyramid at every captured picture. */
import {
  BufferGeometry,
  Float32BufferAttribute,
  Group,
  Line,
  LineBasicMaterial,
  LineSegments,
  type Matrix4,
  Vector3,
} from "three";
import type { CapturedCamera } from "../types";
import { camFromWorld } from "./camera-math";

const CAMERA = 0x3b82f6;
const CHOSEN = 0xf59e0b;
/** Pyramids are this share of the scene's size. */
const DEPTH = 0.015;
/** The chosen one reaches farther, for the picture at its end. */
const CHOSEN_DEPTH = 0.08;

export function pyramidDepth(size: number, chosen: boolean): number {
  return size * (chosen ? CHOSEN_DEPTH : DEPTH);
}

/** The picture's corners at that depth, in the world: upper left, upper right, lower right, lower left. */
export function cornersOf(camera: CapturedCamera, depth: number): [Vector3, Vector3, Vector3, Vector3] {
  const world = camFromWorld(camera).invert();
  const corner = (u: number, v: number): Vector3 => corner3(camera, u, v, depth, world);
  const { width, height } = camera;
  return [corner(0, 0), corner(width, 0), corner(width, height), corner(0, height)];
}

function corner3(camera: CapturedCamera, u: number, v: number, depth: number, world: Matrix4): Vector3 {
  const x = ((u - camera.cx) / camera.fx) * depth;
  const y = ((v - camera.cy) / camera.fy) * depth;
  return new Vector3(x, y, depth).applyMatrix4(world);
}

export function centreOf(camera: CapturedCamera): Vector3 {
  return new Vector3().setFromMatrixPosition(camFromWorld(camera).invert());
}

export class Frustums {
  readonly group = new Group();

  show(cameras: readonly CapturedCamera[], size: number, chosen: number | undefined): void {
    this.clear();
    const others = cameras.filter((_, index) => index !== chosen);
    this.group.add(new Line(through(cameras.map(centreOf)), lines(CAMERA, 0.45)));
    this.group.add(pyramids(others, pyramidDepth(size, false), lines(CAMERA, 0.9)));
    const camera = chosen === undefined ? undefined : cameras[chosen];
    if (camera !== undefined) {
      this.group.add(pyramids([camera], pyramidDepth(size, true), lines(CHOSEN, 1)));
    }
  }

  clear(): void {
    for (const child of [...this.group.children]) {
      this.group.remove(child);
      if (child instanceof Line) {
        child.geometry.dispose();
        child.material.dispose();
      }
    }
  }
}

function pyramids(
  cameras: readonly CapturedCamera[],
  depth: number,
  material: LineBasicMaterial,
): LineSegments {
  const ends: Vector3[] = [];
  for (const camera of cameras) {
    const tip = centreOf(camera);
    const corners = cornersOf(camera, depth);
    corners.forEach((corner, index) => {
      ends.push(tip, corner, corner, corners[(index + 1) % 4] ?? corner);
    });
  }
  return new LineSegments(through(ends), material);
}

function through(points: readonly Vector3[]): BufferGeometry {
  const numbers = points.flatMap((point) => point.toArray());
  return new BufferGeometry().setAttribute("position", new Float32BufferAttribute(numbers, 3));
}

function lines(color: number, opacity: number): LineBasicMaterial {
  // Transparent things are drawn after the splats, so that a wall does not hide the path behind it.
  return new LineBasicMaterial({ color, opacity, transparent: true, depthTest: false });
}
