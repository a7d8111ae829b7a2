/** The list of keys and gestures. */
import { button, el } from "./dom";

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ["Drag", "turn the scene (orbit) or look round (walk)"],
  ["Right drag, Shift and drag", "shift the view"],
  ["Wheel", "nearer, farther"],
  ["Click, Enter", "turn round that point; Enter takes the middle of the view"],
  ["W A S D", "walk; with Shift faster"],
  ["Q E", "down, up"],
  ["Arrow keys", "turn"],
  ["1 2", "orbit, walk"],
  ["[ ]", "previous, next captured view"],
  ["H", "back to the first view"],
  ["C", "show the cameras"],
  ["M", "measure"],
  ["X", "crop"],
  ["F", "full screen"],
  ["?", "this list"],
  ["One finger", "turn or look round"],
  ["Two fingers", "shift and zoom, or walk"],
  ["Gamepad", "left stick walks, right stick looks, triggers go down and up"],
];

export function keysDialog(): HTMLDialogElement {
  const list = el("dl", { class: "rv-keys" });
  for (const [keys, what] of KEYS) list.append(el("dt", {}, keys), el("dd", {}, what));
  const dialog = el("dialog", { class: "rv-dialog", "aria-label": "Keys and gestures" });
  const close = button({ icon: "close", label: "Close", onClick: () => dialog.close() });
  dialog.append(el("header", { class: "rv-row" }, el("h2", {}, "Keys and gestures"), close), list);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}
