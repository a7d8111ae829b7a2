/** How large a scene is and where its middle lies, not misled by single splats far away. */
import type { SplatMesh } from "@sparkjsdev/spark";
import { Box3, Vector3 } from "three";

const SAMPLES = 20000;
/** This share of the centres lies below the box, and as many above it, along each axis. */
const LEFT_OUT = 0.01;

export function extentOf(mesh: SplatMesh): Box3 {
  const centres = mesh.extSplats?.extArrays[0];
  if (centres === undefined) return new Box3(new Vector3(-1, -1, -1), new Vector3(1, 1, 1));
  // Four words a splat, of which the first three are the bits of x, y and z.
  return robustBox(new Float32Array(centres.buffer, centres.byteOffset, mesh.numSplats * 4), mesh.numSplats);
}

/** `values`: four numbers a point, x y z and one that does not count. */
export function robustBox(values: Float32Array, count: number): Box3 {
  const step = Math.max(1, Math.floor(count / SAMPLES));
  const axes: [number[], number[], number[]] = [[], [], []];
  for (let point = 0; point < count; point += step) {
    axes.forEach((axis, index) => {
      axis.push(values[point * 4 + index] ?? 0);
    });
  }
  const [x, y, z] = axes.map(between) as [Range, Range, Range];
  return new Box3(new Vector3(x[0], y[0], z[0]), new Vector3(x[1], y[1], z[1]));
}

type Range = readonly [low: number, high: number];

function between(values: number[]): Range {
  const sorted = Float32Array.from(values).sort();
  const cut = Math.floor(sorted.length * LEFT_OUT);
  return [sorted[cut] ?? 0, sorted[sorted.length - 1 - cut] ?? 0];
}
