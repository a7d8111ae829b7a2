/** Mouse and touch on the canvas. */
import type { Navigator } from "./navigator";

/** A drag over the height of the view turns half round. */
const TURN = Math.PI;
/** A press that moves less than this many px and ends soon is a click. */
const CLICK_PX = 6;
const CLICK_MS = 500;
const WHEEL = 0.0014;
const LINE_PX = 16;

export interface PointerTarget {
  canvas: HTMLCanvasElement;
  navigator: Navigator;
  /** A click at px from the canvas' upper left corner. */
  onClick: (x: number, y: number) => void;
  /** Whether turning the wheel is for the viewer: in a page that scrolls it may not be. */
  takesWheel: () => boolean;
}

interface Finger {
  x: number;
  y: number;
}

export function listenToPointers(target: PointerTarget): () => void {
  const stop = new AbortController();
  const hands = new Hands(target);
  const listen = <K extends keyof HTMLElementEventMap>(
    name: K,
    take: (event: HTMLElementEventMap[K]) => void,
  ): void => {
    target.canvas.addEventListener(name, take, { signal: stop.signal, passive: false });
  };
  listen("pointerdown", (event) => hands.down(event));
  listen("pointermove", (event) => hands.move(event));
  listen("pointerup", (event) => hands.up(event));
  listen("pointercancel", (event) => hands.lost(event));
  listen("contextmenu", (event) => event.preventDefault());
  listen("wheel", (event) => hands.wheel(event));
  return () => stop.abort();
}

class Hands {
  private readonly fingers = new Map<number, Finger>();
  private press: { x: number; y: number; at: number } | undefined;

  constructor(private readonly target: PointerTarget) {}

  down(event: PointerEvent): void {
    this.target.canvas.focus({ preventScroll: true });
    this.target.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const alone = this.fingers.size === 1 && event.button === 0;
    this.press = alone ? { x: event.clientX, y: event.clientY, at: event.timeStamp } : undefined;
  }

  move(event: PointerEvent): void {
    const finger = this.fingers.get(event.pointerId);
    if (finger === undefined) return;
    const next = { x: event.clientX, y: event.clientY };
    const { press } = this;
    if (press !== undefined && Math.hypot(next.x - press.x, next.y - press.y) < CLICK_PX) return;
    this.press = undefined;
    const height = this.target.canvas.clientHeight || 1;
    const right = (next.x - finger.x) / height;
    const down = (next.y - finger.y) / height;
    const [other] = [...this.fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (other !== undefined) {
      this.two(finger, next, other, right, down, height);
    } else if (event.buttons & 6 || event.shiftKey) {
      this.target.navigator.pan(right, down);
    } else {
      this.target.navigator.rotate(right * TURN, down * TURN);
    }
    this.fingers.set(event.pointerId, next);
  }

  /** Each of two fingers gives half of the movement. */
  private two(from: Finger, to: Finger, other: Finger, right: number, down: number, height: number): void {
    const { navigator } = this.target;
    const before = Math.hypot(from.x - other.x, from.y - other.y);
    const after = Math.hypot(to.x - other.x, to.y - other.y);
    if (navigator.mode === "orbit") {
      navigator.pan(right / 2, down / 2);
      if (before > 0 && after > 0) navigator.dolly(Math.log(after / before));
      return;
    }
    const spread = (after - before) / height;
    navigator.step((spread * 2 - down) * navigator.size, (right / 2) * navigator.size, 0);
  }

  up(event: PointerEvent): void {
    const { press } = this;
    this.lost(event);
    if (press === undefined || event.timeStamp - press.at > CLICK_MS) return;
    const corner = this.target.canvas.getBoundingClientRect();
    this.target.onClick(event.clientX - corner.left, event.clientY - corner.top);
  }

  lost(event: PointerEvent): void {
    this.fingers.delete(event.pointerId);
    this.press = undefined;
  }

  wheel(event: WheelEvent): void {
    if (!this.target.takesWheel()) return;
    event.preventDefault();
    const px = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * LINE_PX : event.deltaY;
    this.target.navigator.dolly(-px * WHEEL);
  }
}
