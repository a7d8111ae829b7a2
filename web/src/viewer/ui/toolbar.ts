/** The bar below the scene, its panels, and the keys that do the same. */

import type { Mode } from "../move/navigator";
import type { Parts } from "../parts";
import { cameraPanel } from "./camera-panel";
import { cropPanel } from "./crop-panel";
import { button, el } from "./dom";
import { keysDialog } from "./keys-dialog";
import { lookPanel } from "./look-panel";
import { measurePanel } from "./measure-panel";
import { Panels } from "./panels";
import { enterHeadset, headsetIsThere } from "./xr";

/** What the buttons ask the viewer to do. */
export interface Actions {
  step: (by: number) => void;
  home: () => void;
  share: () => void;
  picture: () => void;
  applyQuality: () => void;
  turn: (degrees: number) => void;
}

export interface Toolbar {
  element: HTMLElement;
  panels: HTMLElement;
  dialog: HTMLDialogElement;
  /** Cameras, crop or scene have changed. */
  refresh: () => void;
  measured: () => void;
  addSurface: () => void;
}

export function toolbar(parts: Parts, actions: Actions): Toolbar {
  const { options, navigator, views, status } = parts;
  const full = options.mode === "full";
  const panels = new Panels();
  const dialog = keysDialog();
  const modes = modeButtons(parts);
  const steps = stepButtons(parts, actions);
  const cameras = cameraPanel(parts, () => actions.step(1));
  const camerasButton = panels.add(cameras.options);
  const measure = measurePanel(parts);
  const crop = cropPanel(parts);
  const look = lookPanel(parts, actions.applyQuality, actions.turn);
  const tools = el("div", { class: "rv-group" }, camerasButton);
  const keys: Record<string, () => void> = {
    "1": () => modes.choose("orbit"),
    "2": () => modes.choose("walk"),
    "[": () => actions.step(-1),
    "]": () => actions.step(1),
    h: actions.home,
    c: cameras.toggleCameras,
    f: () => void toggleFullScreen(parts),
    "?": () => dialog.showModal(),
  };
  if (full) {
    const measureButton = panels.add(measure.options);
    const cropButton = panels.add(crop.options);
    tools.append(measureButton, cropButton);
    keys["m"] = () => measureButton.click();
    keys["x"] = () => cropButton.click();
  }
  tools.append(panels.add(look.options));
  const last = lastButtons(parts, actions, dialog, full);
  const element = el("div", { class: "rv-bar", role: "toolbar", "aria-label": "Viewer" });
  element.append(modes.element, steps.element, tools, last);
  listenToShortcuts(parts.root, keys, panels, dialog);
  const refresh = (): void => {
    steps.refresh();
    camerasButton.hidden = views.cameras.length === 0;
    modes.show(navigator.mode);
    crop.refresh();
    status.element.hidden = false;
  };
  refresh();
  return {
    element,
    panels: panels.element,
    dialog,
    refresh,
    measured: measure.refresh,
    addSurface: look.addSurface,
  };
}

function modeButtons({ navigator, status }: Parts): {
  element: HTMLElement;
  show: (mode: Mode) => void;
  choose: (mode: Mode) => void;
} {
  const choose = (mode: Mode): void => {
    navigator.mode = mode;
    show(mode);
    status.say(
      mode === "walk"
        ? "Walk: W A S D to go, drag to look round."
        : "Orbit: drag to turn, click for the pivot.",
    );
  };
  const orbit = button({ icon: "orbit", label: "Orbit", key: "1", onClick: () => choose("orbit") });
  const walk = button({ icon: "walk", label: "Walk", key: "2", onClick: () => choose("walk") });
  const show = (mode: Mode): void => {
    orbit.setAttribute("aria-pressed", `${mode === "orbit"}`);
    walk.setAttribute("aria-pressed", `${mode === "walk"}`);
  };
  show(navigator.mode);
  return { element: el("div", { class: "rv-group" }, orbit, walk), show, choose };
}

function stepButtons({ views }: Parts, { step }: Actions): { element: HTMLElement; refresh: () => void } {
  const previous = button({
    icon: "previous",
    label: "Previous captured view",
    key: "[",
    onClick: () => step(-1),
  });
  const next = button({ icon: "next", label: "Next captured view", key: "]", onClick: () => step(1) });
  const count = el("span", { class: "rv-count" });
  const element = el("div", { class: "rv-group rv-bare" }, previous, count, next);
  const refresh = (): void => {
    const total = views.cameras.length;
    element.hidden = total === 0;
    count.textContent = views.chosen === undefined ? `${total} views` : `${views.chosen + 1} / ${total}`;
  };
  return { element, refresh };
}

function lastButtons(parts: Parts, actions: Actions, dialog: HTMLDialogElement, full: boolean): HTMLElement {
  const group = el("div", { class: "rv-group" });
  if (full) {
    group.append(
      button({ icon: "share", label: "Share", onClick: actions.share }),
      button({ icon: "picture", label: "Save a picture", onClick: actions.picture }),
    );
  }
  if (document.fullscreenEnabled) {
    const toggle = (): void => void toggleFullScreen(parts);
    group.append(button({ icon: "fullScreen", label: "Full screen", key: "F", onClick: toggle }));
  }
  const headset = button({ icon: "headset", label: "Headset", onClick: () => void enterHeadset(parts) });
  headset.hidden = true;
  group.append(headset, button({ icon: "keys", label: "Keys", key: "?", onClick: () => dialog.showModal() }));
  group.classList.add("rv-bare");
  if (full) void headsetIsThere().then((there) => (headset.hidden = !there));
  return group;
}

async function toggleFullScreen({ root, status }: Parts): Promise<void> {
  try {
    if (document.fullscreenElement === null) await root.requestFullscreen();
    else await document.exitFullscreen();
  } catch {
    status.say("This browser does not allow the full screen here.");
  }
}

function listenToShortcuts(
  root: HTMLElement,
  keys: Record<string, () => void>,
  panels: Panels,
  dialog: HTMLDialogElement,
): void {
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !dialog.open && panels.close()) {
      event.preventDefault();
      return;
    }
    const typing = event.target instanceof HTMLElement && event.target.matches("input[type=text], select");
    if (typing || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
    keys[event.key.toLowerCase()]?.();
  });
}
