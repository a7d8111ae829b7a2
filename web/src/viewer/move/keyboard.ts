/** Keys that move while they are held. Letters by their place on the keyboard, so that WASD lies well everywhere. */
import type { Stage } from "../stage";
import type { Navigator } from "./navigator";

const STEPS: Record<string, readonly [forwards: number, right: number, up: number]> = {
  KeyW: [1, 0, 0],
  KeyS: [-1, 0, 0],
  KeyA: [0, -1, 0],
  KeyD: [0, 1, 0],
  KeyQ: [0, 0, -1],
  KeyE: [0, 0, 1],
  PageDown: [0, 0, -1],
  PageUp: [0, 0, 1],
};
const TURNS: Record<string, readonly [left: number, up: number]> = {
  ArrowLeft: [1, 0],
  ArrowRight: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};
const TURN_PER_SECOND = 1.4;
const FASTER = 3;

export function listenToKeys(canvas: HTMLCanvasElement, stage: Stage, navigator: Navigator): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const held = new Set<string>();
  let fast = false;
  canvas.addEventListener(
    "keydown",
    (event) => {
      fast = event.shiftKey;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (!(event.code in STEPS) && !(event.code in TURNS)) return;
      event.preventDefault();
      held.add(event.code);
      stage.invalidate();
    },
    { signal },
  );
  canvas.addEventListener(
    "keyup",
    (event) => {
      fast = event.shiftKey;
      held.delete(event.code);
    },
    { signal },
  );
  canvas.addEventListener("blur", () => held.clear(), { signal });
  const forget = stage.onTick((seconds) => {
    for (const code of held) act(navigator, code, seconds * (fast ? FASTER : 1));
    return held.size > 0;
  });
  return () => {
    stop.abort();
    forget();
  };
}

function act(navigator: Navigator, code: string, seconds: number): void {
  const step = STEPS[code];
  if (step !== undefined) {
    const way = navigator.speed * seconds;
    navigator.step(step[0] * way, step[1] * way, step[2] * way);
  }
  const turn = TURNS[code];
  if (turn !== undefined) {
    // A key turns the head; round a pivot, too, the picture must go the way of the arrow.
    const sign = navigator.mode === "walk" ? 1 : -1;
    const angle = sign * TURN_PER_SECOND * seconds;
    navigator.rotate(turn[0] * angle, turn[1] * angle);
  }
}
