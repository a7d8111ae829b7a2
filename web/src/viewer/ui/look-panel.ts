import { Color } from "three";
import type { Parts } from "../parts";
import { QUALITIES } from "../tools/quality";
import { checkbox, el, freshId, slider } from "./dom";
import type { PanelOptions } from "./panels";

/** How the scene came into the world that has +z up: angle about x in degrees. */
const UPS = [
  ["z", "+z (roomsplat)", 0],
  ["-y", "-y (most other tools)", -90],
  ["y", "+y", 90],
] as const;

export interface LookPanel {
  options: PanelOptions;
  /** Offers the mesh. */
  addSurface: () => void;
}

/** Quality, background, and what foreign scenes need. */
export function lookPanel(
  parts: Parts,
  applyQuality: () => void,
  turn: (degrees: number) => void,
): LookPanel {
  const { state, stage } = parts;
  const last = QUALITIES.length - 1;
  const quality = slider({
    label: "Quality",
    min: 0,
    max: last,
    step: 1,
    value: state.quality,
    text: (value) => QUALITIES[value]?.name ?? "",
    onInput: (value) => {
      state.quality = value;
      applyQuality();
    },
  });
  const id = freshId("background");
  const colour = el("input", { type: "color", id, value: "#000000" });
  colour.addEventListener("input", () => {
    stage.scene.background = new Color(colour.value);
    stage.invalidate();
  });
  const background = el("div", { class: "rv-field rv-row" }, el("label", { for: id }, "Background"), colour);
  const content = el("div", { class: "rv-stack" }, quality.element, background, upField(turn));
  return {
    options: { icon: "look", label: "Look", title: "Look", content: [content] },
    addSurface: () => content.append(...surfaceFields(parts)),
  };
}

function upField(turn: (degrees: number) => void): HTMLElement {
  const id = freshId("up");
  const select = el("select", { id }, ...UPS.map(([value, text]) => el("option", { value }, text)));
  select.addEventListener("change", () => turn(UPS.find(([value]) => value === select.value)?.[2] ?? 0));
  return el("div", { class: "rv-field" }, el("label", { for: id }, "Which way is up in the file"), select);
}

function surfaceFields({ state, stage }: Parts): Node[] {
  const { surface } = state;
  if (surface === undefined) return [];
  const mesh = checkbox("Lay the mesh over the splats", surface.visible, (visible) => {
    surface.visible = visible;
    stage.invalidate();
  });
  const splats = checkbox("Show the splats", true, (visible) => {
    stage.setSplatsShown(visible);
  });
  return [mesh.element, splats.element];
}
