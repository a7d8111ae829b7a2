/** Canvas, renderer and Spark: draws when something has changed, and only then. */
import { SparkRenderer, type SplatMesh } from "@sparkjsdev/spark";
import { Color, Group, PerspectiveCamera, Scene, WebGLRenderer } from "three";
import { ViewerError } from "./types";

/** px² that are added to every splat's covariance on the screen: docs/conventions.md, "Blending". */
const LOW_PASS = 0.3;
/** Where a splat of full opacity falls below 1/255, in standard deviations: there the engines end it. */
export const FULL_REACH = Math.sqrt(2 * Math.log(255));
const MIN_ALPHA = 1 / 255;
export const NEAR = 0.01;

/** For materials of lines and points that no splat may cover: transparent things are drawn after the splats. */
export const OVER_SPLATS = { transparent: true, depthTest: false } as const;

/** Called before each frame with the seconds since the last; true asks for another frame. */
export type Tick = (seconds: number) => boolean;

/** A sort of a large scene on a slow processor takes seconds; then the memory is worth more than a quiet end. */
const RELEASE_MS = 50;
const RELEASE_TRIES = 200;

export class Stage {
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera(60, 1, NEAR, 1000);
  /** Holds the camera: the room a headset moves in. */
  readonly rig = new Group();
  /** Lines, frames and meshes: everything that is no splat. */
  readonly overlays = new Group();
  readonly renderer: WebGLRenderer;
  readonly spark: SparkRenderer;
  readonly canvas: HTMLCanvasElement;
  framesDrawn = 0;
  private pixelRatio = 1;
  private readonly ticks = new Set<Tick>();
  private readonly afterFrame = new Set<() => void>();
  private readonly resized: ResizeObserver;
  private asked = false;
  private disposed = false;
  private last = 0;

  constructor(private readonly host: HTMLElement) {
    this.canvas = document.createElement("canvas");
    this.renderer = rendererOn(this.canvas);
    this.renderer.xr.enabled = true;
    this.camera.up.set(0, 0, 1);
    this.rig.add(this.camera);
    this.spark = new SparkRenderer({
      renderer: this.renderer,
      onDirty: () => this.invalidate(),
      minAlpha: MIN_ALPHA,
      enableLod: false,
    });
    this.scene.add(this.spark, this.rig, this.overlays);
    this.scene.background = new Color(0);
    host.append(this.canvas);
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(host);
    this.fit();
  }

  /** Splats trained with the plain model keep their opacity under the low-pass; antialiased ones get fainter. */
  setAntialiased(antialiased: boolean): void {
    setSplatModel(this.spark, antialiased);
    this.invalidate();
  }

  /** The splats may step aside for a mesh. */
  setSplatsShown(shown: boolean): void {
    this.spark.visible = shown;
    this.invalidate();
  }

  setQuality(pixelRatio: number, reach: number): void {
    this.pixelRatio = Math.min(pixelRatio, devicePixelRatio);
    this.spark.maxStdDev = reach;
    this.fit();
  }

  onTick(tick: Tick): () => void {
    this.ticks.add(tick);
    this.invalidate();
    return () => this.ticks.delete(tick);
  }

  onFrame(after: () => void): () => void {
    this.afterFrame.add(after);
    return () => this.afterFrame.delete(after);
  }

  /** Asks for one frame. */
  invalidate(): void {
    if (this.asked || this.disposed || this.renderer.xr.isPresenting) return;
    this.asked = true;
    requestAnimationFrame((now) => this.frame(now));
  }

  /** Draws now, in this task: what a picture of the canvas needs. */
  draw(): void {
    this.renderer.render(this.scene, this.camera);
    this.framesDrawn += 1;
    for (const after of this.afterFrame) after();
  }

  /** One frame; a headset calls this itself. */
  frame(now: number): void {
    this.asked = false;
    if (this.disposed) return;
    // A pause is no movement: after one the first step is a usual frame's.
    const seconds = Math.min(0.1, this.last === 0 ? 1 / 60 : (now - this.last) / 1000);
    let moving = false;
    for (const tick of this.ticks) moving = tick(seconds) || moving;
    this.draw();
    this.last = moving ? now : 0;
    if (moving) this.invalidate();
  }

  private fit(): void {
    const width = Math.max(1, this.host.clientWidth);
    const height = Math.max(1, this.host.clientHeight);
    this.renderer.setPixelRatio(this.pixelRatio);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    // Setting the size empties the canvas; drawing in the same task keeps the old picture from flashing.
    if (!this.renderer.xr.isPresenting) this.draw();
  }

  /** Takes the new scene in and the old one out between two frames: Spark shows the old until the new is sorted. */
  swap(next: SplatMesh, old: SplatMesh | undefined): void {
    this.scene.add(next);
    if (old !== undefined) {
      this.scene.remove(old);
      old.dispose();
    }
    this.invalidate();
  }

  dispose(): void {
    this.disposed = true;
    this.resized.disconnect();
    this.renderer.setAnimationLoop(null);
    this.canvas.remove();
    this.release(RELEASE_TRIES);
  }

  /** Spark's sort reads depths back; a context that is lost meanwhile breaks that off, and nobody would catch it. */
  private release(tries: number): void {
    if (this.spark.sorting && tries > 0) {
      setTimeout(() => this.release(tries - 1), RELEASE_MS);
      return;
    }
    this.spark.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }
}

export function setSplatModel(spark: SparkRenderer, antialiased: boolean): void {
  spark.preBlurAmount = antialiased ? 0 : LOW_PASS;
  spark.blurAmount = antialiased ? LOW_PASS : 0;
}

function rendererOn(canvas: HTMLCanvasElement): WebGLRenderer {
  try {
    // Gaussians are smooth by themselves: multisampling would cost and not help.
    return new WebGLRenderer({ canvas, antialias: false, powerPreference: "high-performance" });
  } catch {
    throw new ViewerError(
      "This browser shows no WebGL 2, which the viewer needs: turn on hardware acceleration or try another browser.",
    );
  }
}
