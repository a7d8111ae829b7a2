/** A gamepad of the standard layout: left stick walks, right stick looks, the shoulder triggers go down and up. */
import type { Stage } from "../stage";
import type { Navigator } from "./navigator";

const REST = 0.12;
const TURN_PER_SECOND = 1.8;
const POLL_MS = 100;

export function listenToGamepads(stage: Stage, navigator: Navigator): () => void {
  if (!("getGamepads" in navigator_)) return () => undefined;
  const forget = stage.onTick((seconds) => act(navigator, seconds));
  // Browsers tell of no stick's movement: someone has to ask, but nobody needs to draw for that.
  let timer: ReturnType<typeof setInterval> | undefined;
  const watch = (): void => {
    clearInterval(timer);
    timer =
      standardPad() === undefined ? undefined : setInterval(() => inUse() && stage.invalidate(), POLL_MS);
  };
  addEventListener("gamepadconnected", watch);
  addEventListener("gamepaddisconnected", watch);
  watch();
  return () => {
    clearInterval(timer);
    removeEventListener("gamepadconnected", watch);
    removeEventListener("gamepaddisconnected", watch);
    forget();
  };
}

/** The browser's own `navigator`, which ours would hide. */
const navigator_: globalThis.Navigator = globalThis.navigator;

function standardPad(): Gamepad | undefined {
  return navigator_.getGamepads().find((pad) => pad?.mapping === "standard") ?? undefined;
}

function inUse(): boolean {
  const pad = standardPad();
  return pad !== undefined && (pad.axes.some((axis) => Math.abs(axis) > REST) || lift(pad) !== 0);
}

function act(navigator: Navigator, seconds: number): boolean {
  const pad = standardPad();
  if (pad === undefined || !inUse()) return false;
  const [x, y, lookX, lookY] = [0, 1, 2, 3].map((index) => curved(pad.axes[index] ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  const way = navigator.speed * 1.5 * seconds;
  navigator.step(-y * way, x * way, lift(pad) * way);
  const sign = navigator.mode === "walk" ? -1 : 1;
  if (lookX !== 0 || lookY !== 0) {
    navigator.rotate(sign * lookX * TURN_PER_SECOND * seconds, sign * lookY * TURN_PER_SECOND * seconds);
  }
  return true;
}

function lift(pad: Gamepad): number {
  const value = (pad.buttons[7]?.value ?? 0) - (pad.buttons[6]?.value ?? 0);
  return Math.abs(value) > REST ? value : 0;
}

/** Nothing near the middle, fine near it, full at the end. */
function curved(value: number): number {
  const size = Math.max(0, Math.abs(value) - REST) / (1 - REST);
  return Math.sign(value) * size * size;
}
