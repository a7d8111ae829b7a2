/** The view as a PNG, as it stands on the screen. */
import type { Stage } from "../stage";

export function savePicture(stage: Stage, sceneFile: string): void {
  // A canvas keeps its pixels only until the browser has shown them: draw and read in one task.
  stage.draw();
  stage.canvas.toBlob((blob) => {
    if (blob === null) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${sceneFile.replace(/\.\w+$/, "")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }, "image/png");
}
