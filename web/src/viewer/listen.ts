/** Every hand on the viewer: pointers, keys, gamepads, and the address of the page. */
import { listenToGamepads } from "./move/gamepad";
import { listenToKeys } from "./move/keyboard";
import { listenToPointers } from "./move/pointer";
import type { Parts } from "./parts";

export interface Heard {
  /** px from the canvas' upper left corner. */
  click: (x: number, y: number) => void;
  fragmentChanged: () => void;
}

export function listen({ stage, navigator, options, status }: Parts, heard: Heard): () => void {
  const { canvas } = stage;
  const stop = new AbortController();
  const { signal } = stop;
  canvas.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Enter") heard.click(canvas.clientWidth / 2, canvas.clientHeight / 2);
    },
    { signal },
  );
  canvas.addEventListener(
    "webglcontextlost",
    () => status.fail("The graphics card has let go of the picture: reload the page."),
    { signal },
  );
  addEventListener("hashchange", heard.fragmentChanged, { signal });
  const stops = [
    () => stop.abort(),
    listenToPointers({
      canvas,
      navigator,
      onClick: heard.click,
      // Where the viewer is one part of a page, the wheel scrolls until somebody has taken hold of the scene.
      takesWheel: () => options.mode === "full" || document.activeElement === canvas,
    }),
    listenToKeys(canvas, stage, navigator),
    listenToGamepads(stage, navigator),
  ];
  return () => {
    for (const end of stops) end();
  };
}
