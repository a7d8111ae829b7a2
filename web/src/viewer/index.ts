/** The splat viewer: mounts into an element, knows nothing of the page around it. */
export { camerasFromTransforms } from "./scene/transforms";
export type { CapturedCamera, SceneSource, ViewerHandle, ViewerOptions } from "./types";
export { mountViewer } from "./viewer";
