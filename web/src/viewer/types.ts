/** What the viewer takes and gives back. The page and the light build know this file and `index.ts`, nothing else. */

export interface CapturedCamera {
  name: string;
  width: number;
  height: number;
  fx: number;
  fy: number;
  cx: number;
  cy: number;
  /** Row-major 4x4, OpenCV axes: +x right, +y down, +z forward. */
  camFromWorld: readonly number[];
  imageUrl?: string;
}

export interface SceneSource {
  fileName: string;
  url?: string;
  file?: File;
}

/** Loads an address; the page gives one that signs its requests. */
export type Load = (url: string) => Promise<Response>;

export interface ViewerOptions {
  source: SceneSource;
  cameras?: readonly CapturedCamera[];
  meshUrl?: string;
  title?: string;
  mode: "full" | "live" | "light";
  load?: Load;
  onError?: (message: string) => void;
}

export interface ViewerHandle {
  /** Shows another scene in place of this one; the camera stays, and the old scene stays until the new one is ready. */
  replaceScene(source: SceneSource): Promise<void>;
  setCameras(cameras: readonly CapturedCamera[]): void;
  /** The splats alone, over black, as a camera with exactly these intrinsics sees them. */
  renderAt(camera: CapturedCamera, width: number, height: number): Promise<ImageData>;
  dispose(): void;
}

/** What a user can mend: one sentence that says what, where and what to do. */
export class ViewerError extends Error {
  override name = "ViewerError";
}
