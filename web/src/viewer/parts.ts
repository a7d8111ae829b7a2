/** What the viewer is made of, for the buttons and panels that work on it. */
import type { SplatMesh } from "@sparkjsdev/spark";
import { Box3, type Object3D, Vector3 } from "three";
import { CapturedViews } from "./captured-views";
import { Navigator } from "./move/navigator";
import { Stage } from "./stage";
import { Crop } from "./tools/crop";
import { Measure } from "./tools/measure";
import { PivotMark } from "./tools/pivot-mark";
import { usualQuality } from "./tools/quality";
import type { Load, ViewerOptions } from "./types";
import { el } from "./ui/dom";
import { Status } from "./ui/status";

export interface Parts {
  readonly root: HTMLElement;
  readonly options: ViewerOptions;
  readonly stage: Stage;
  readonly navigator: Navigator;
  readonly views: CapturedViews;
  readonly measure: Measure;
  readonly crop: Crop;
  readonly mark: PivotMark;
  readonly status: Status;
  readonly state: State;
}

/** What changes while the viewer is open. */
export interface State {
  mesh: SplatMesh | undefined;
  fileName: string;
  /** What the scene is remembered by. */
  sceneName: string;
  antialiased: boolean;
  /** The scene without its stray splats. */
  extent: Box3;
  /** Index into the list of qualities. */
  quality: number;
  /** A click picks a point to measure instead of the pivot. */
  picking: boolean;
  /** Degrees about x that bring the file's up to +z. */
  turned: number;
  surface: Object3D | undefined;
}

export function makeParts(
  root: HTMLElement,
  options: ViewerOptions,
  load: Load,
  onError: (error: unknown) => void,
): Parts {
  const status = new Status();
  const stage = new Stage(root);
  const labels = el("div", { class: "rv-labels" });
  root.append(el("div", { class: "rv-focus" }), labels);
  stage.canvas.tabIndex = 0;
  stage.canvas.setAttribute("role", "application");
  stage.canvas.setAttribute(
    "aria-label",
    "The scene in 3D. W A S D and the arrow keys move, the question mark lists all keys.",
  );
  return {
    root,
    options,
    stage,
    status,
    navigator: new Navigator(stage),
    views: new CapturedViews(stage, load, onError),
    measure: new Measure(stage, labels),
    crop: new Crop(stage),
    mark: new PivotMark(stage),
    state: {
      mesh: undefined,
      fileName: options.source.fileName,
      sceneName: options.source.fileName,
      antialiased: false,
      extent: new Box3(new Vector3(-1, -1, -1), new Vector3(1, 1, 1)),
      quality: usualQuality(),
      picking: false,
      turned: 0,
      surface: undefined,
    },
  };
}
