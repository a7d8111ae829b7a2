import { Box3 } from "three";
import type { Parts } from "../parts";
import { placeText } from "../tools/units";
import { el, type Slider, slider, textButton } from "./dom";
import type { PanelOptions } from "./panels";

type Axis = "x" | "y" | "z";
type End = "min" | "max";

const SIDES: readonly (readonly [axis: Axis, end: End, label: string])[] = [
  ["x", "min", "Width from"],
  ["x", "max", "Width to"],
  ["y", "min", "Depth from"],
  ["y", "max", "Depth to"],
  ["z", "min", "Height from"],
  ["z", "max", "Height to"],
];
const STEPS = 200;
/** The sliders reach so much farther than the scene, in its own size: to the strays. */
const MARGIN = 0.5;

export interface CropPanel {
  options: PanelOptions;
  /** The scene or the box has changed from outside. */
  refresh: () => void;
}

/** Six sides of a box; what lies outside is hidden. */
export function cropPanel({ crop, state, measure }: Parts): CropPanel {
  const range = (): Box3 => {
    const { extent } = state;
    return extent.clone().expandByVector(extent.getSize(extent.max.clone()).multiplyScalar(MARGIN));
  };
  const sliders: Slider[] = SIDES.map(([axis, end, label]) =>
    slider({
      label,
      min: 0,
      max: STEPS,
      step: 1,
      value: end === "min" ? 0 : STEPS,
      text: (value) => placeText(placeOf(range(), axis, value), measure.scale),
      onInput: (value) => crop.set(moved(crop.value ?? range(), range(), axis, end, value)),
    }),
  );
  const refresh = (): void => {
    const whole = range();
    const box = crop.value ?? whole;
    SIDES.forEach(([axis, end], index) => {
      const size = whole.max[axis] - whole.min[axis];
      sliders[index]?.set(size > 0 ? ((box[end][axis] - whole.min[axis]) / size) * STEPS : 0);
    });
  };
  const reset = textButton("Show everything", () => {
    crop.set(undefined);
    refresh();
  });
  const grid = el("div", { class: "rv-pairs" }, ...sliders.map((one) => one.element));
  return {
    options: {
      icon: "crop",
      label: "Crop",
      key: "X",
      title: "Crop",
      content: [grid, reset],
      onToggle: (open) => {
        refresh();
        crop.setFrameShown(open);
      },
    },
    refresh,
  };
}

function placeOf(range: Box3, axis: Axis, value: number): number {
  return range.min[axis] + ((range.max[axis] - range.min[axis]) * value) / STEPS;
}

/** The box with one side moved; a side never passes the one across. */
function moved(box: Box3, range: Box3, axis: Axis, end: End, value: number): Box3 {
  const next = new Box3(box.min.clone(), box.max.clone());
  const place = placeOf(range, axis, value);
  next[end][axis] = end === "min" ? Math.min(place, box.max[axis]) : Math.max(place, box.min[axis]);
  return next;
}
