import { loadScene } from "./load";
import { renderAt } from "./render-at";
import { FULL_REACH, Stage } from "./stage";
import type { ViewerHandle, ViewerOptions } from "./types";
import { worldFromThreeCamera, fittingFov } from "./camera-math";

export async function mountViewer(host: HTMLElement, options: ViewerOptions): Promise<ViewerHandle> {
  const stage = new Stage(host);
  stage.setQuality(1, FULL_REACH);
  const t0 = performance.now();
  const { mesh, about } = await loadScene(options.source, options.load ?? ((u) => fetch(u)), () => undefined);
  (globalThis as any).loadMs = performance.now() - t0;
  stage.setAntialiased(about.antialiased);
  const c = options.cameras?.[0];
  if (c) {
    worldFromThreeCamera(c).decompose(stage.camera.position, stage.camera.quaternion, stage.camera.scale);
    stage.camera.fov = fittingFov(c, stage.camera.aspect);
    stage.camera.updateProjectionMatrix();
  }
  stage.swap(mesh, undefined);
  return {
    replaceScene: async () => undefined,
    setCameras: () => undefined,
    renderAt: (camera, w, h) => renderAt(stage, camera, w, h, about.antialiased),
    dispose: () => stage.dispose(),
  };
}
