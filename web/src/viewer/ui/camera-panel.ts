import type { Parts } from "../parts";
import { checkbox, slider } from "./dom";
import type { PanelOptions } from "./panels";

export interface CameraPanel {
  options: PanelOptions;
  toggleCameras: () => void;
}

/** The film: where it was shot, and its pictures laid over the scene. */
export function cameraPanel({ views }: Parts, goToChosen: () => void): CameraPanel {
  const cameras = checkbox("Show where the film was shot", false, (shown) => views.setShown(shown));
  const picture = checkbox("Lay the captured picture over the view", false, (framed) => {
    if (framed && views.chosen === undefined) goToChosen();
    views.setFramed(framed);
  });
  const opacity = slider({
    label: "Strength of the picture",
    min: 0,
    max: 1,
    step: 0.05,
    value: 0.5,
    text: (value) => `${Math.round(value * 100)} %`,
    onInput: (value) => {
      views.opacity = value;
    },
  });
  return {
    options: {
      icon: "cameras",
      label: "Cameras",
      key: "C",
      title: "Cameras",
      content: [cameras.element, picture.element, opacity.element],
    },
    toggleCameras: () => {
      views.setShown(!views.shows);
      cameras.set(views.shows);
    },
  };
}
