import type { Parts } from "../parts";
import { rememberScale } from "../tools/remembered-scale";
import { metresFrom } from "../tools/units";
import { el, freshId, textButton } from "./dom";
import type { PanelOptions } from "./panels";

export interface MeasurePanel {
  options: PanelOptions;
  /** Says what was measured last. */
  refresh: () => void;
}

/** Distances between two points, and the true length of one of them. */
export function measurePanel(parts: Parts): MeasurePanel {
  const { measure, root, state, status } = parts;
  const told = el("p", { role: "status" });
  const id = freshId("true-length");
  const input = el("input", {
    type: "text",
    id,
    inputmode: "decimal",
    autocomplete: "off",
    placeholder: "2.05 m",
  });
  const refresh = (): void => {
    told.replaceChildren(...sentence(measure.text, measure.waitsForSecond));
  };
  const calibrate = (): void => {
    const metres = metresFrom(input.value);
    if (metres === undefined) {
      status.say("The true length must be a number in metres, such as 2.05 (or 80 cm, 31 in).");
    } else if (measure.calibrate(metres)) {
      if (measure.scale !== undefined) rememberScale(state.sceneName, measure.scale);
      status.say("Set: every length is in metres now.");
    } else {
      status.say("Measure an edge first: click its two ends.");
    }
    refresh();
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") calibrate();
  });
  const clear = textButton("Clear", () => {
    measure.clear();
    refresh();
  });
  const trueLength = el(
    "div",
    { class: "rv-field" },
    el("label", { for: id }, "True length of the last edge"),
    el("div", { class: "rv-row" }, input, textButton("Set scale", calibrate)),
  );
  refresh();
  return {
    options: {
      icon: "measure",
      label: "Measure",
      key: "M",
      title: "Measure",
      content: [told, trueLength, clear],
      onToggle: (open) => {
        state.picking = open;
        root.classList.toggle("rv-picking", open);
        refresh();
      },
    },
    refresh,
  };
}

function sentence(length: string | undefined, waits: boolean): (Node | string)[] {
  if (waits) return ["Click the second point."];
  if (length === undefined) return ["Click two points of the scene."];
  return [el("strong", {}, length), " between the last two points."];
}
