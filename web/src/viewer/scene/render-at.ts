/** The splats as one captured camera sees them, in pixels: what tests compare with the engine's own picture. */
import { SparkRenderer } from "@sparkjsdev/spark";
import { ColorManagement, NoColorSpace, PerspectiveCamera, SRGBColorSpace } from "three";
import { FULL_REACH, NEAR, type Stage, setSplatModel } from "../stage";
import type { CapturedCamera } from "../types";
import { projectionOf, resized, worldFromThreeCamera } from "./camera-math";

const FAR = 1000;
/** The engines draw a Gaussian whose centre lies within 2 · 1.3 of the view (render/base.py). */
const GUARD_BAND = 2.6;

export async function renderAt(
  stage: Stage,
  captured: CapturedCamera,
  width: number,
  height: number,
  antialiased: boolean,
): Promise<ImageData> {
  const camera = threeCamera(resized(captured, width, height));
  const spark = new SparkRenderer({
    renderer: stage.renderer,
    autoUpdate: false,
    enableLod: false,
    maxStdDev: FULL_REACH,
    minAlpha: 1 / 255,
    clipXY: GUARD_BAND,
    maxPixelRadius: 4096,
    // The engines draw in the order of depth; on the screen distance is calmer while one turns.
    sortRadial: false,
    target: { width, height, colorSpace: NoColorSpace },
  });
  setSplatModel(spark, antialiased);
  try {
    await spark.update({ scene: stage.scene, camera });
    return await pixelsOf(stage, spark, camera, width, height);
  } finally {
    spark.dispose();
    stage.invalidate();
  }
}

function threeCamera(captured: CapturedCamera): PerspectiveCamera {
  const camera = new PerspectiveCamera(60, captured.width / captured.height, NEAR, FAR);
  worldFromThreeCamera(captured).decompose(camera.position, camera.quaternion, camera.scale);
  camera.updateMatrixWorld();
  camera.projectionMatrix.copy(projectionOf(captured, NEAR, FAR));
  camera.projectionMatrixInverse.copy(camera.projectionMatrix).invert();
  return camera;
}

async function pixelsOf(
  stage: Stage,
  spark: SparkRenderer,
  camera: PerspectiveCamera,
  width: number,
  height: number,
): Promise<ImageData> {
  const { scene, overlays } = stage;
  const background = scene.background;
  const working = ColorManagement.workingColorSpace;
  // Into a target, Spark would make colours linear and blend those; splats are trained to be blended as sRGB stands.
  ColorManagement.workingColorSpace = SRGBColorSpace;
  scene.background = null;
  overlays.visible = false;
  try {
    spark.renderTarget({ scene, camera });
  } finally {
    ColorManagement.workingColorSpace = working;
    scene.background = background;
    overlays.visible = true;
  }
  return upright(await spark.readTarget(), width, height);
}

/** WebGL's first row is the lowest one. */
function upright(bytes: Uint8Array, width: number, height: number): ImageData {
  const image = new ImageData(width, height);
  const row = width * 4;
  for (let y = 0; y < height; y++) {
    const from = (height - 1 - y) * row;
    image.data.set(bytes.subarray(from, from + row), y * row);
  }
  for (let alpha = 3; alpha < image.data.length; alpha += 4) image.data[alpha] = 255;
  return image;
}
