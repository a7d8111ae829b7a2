/** The viewer as a whole: opens scenes, stands in views, answers its handle. */
import { Matrix4, type Vector3 } from "three";
import type { CapturedView } from "./captured-views";
import { listen } from "./listen";
import { lookingAt } from "./move/pose";
import { makeParts, type Parts } from "./parts";
import { extentOf } from "./scene/extent";
import { type LoadedScene, loadScene, type Progress } from "./scene/load";
import { pick } from "./scene/pick";
import { renderAt } from "./scene/render-at";
import { loadMesh } from "./tools/mesh";
import { savePicture } from "./tools/picture";
import { QUALITIES } from "./tools/quality";
import { rememberedScale } from "./tools/remembered-scale";
import { codeIn, decodeShared, encodeShared, type Shared, withCode } from "./tools/share";
import {
  type CapturedCamera,
  type Load,
  type SceneSource,
  ViewerError,
  type ViewerHandle,
  type ViewerOptions,
} from "./types";
import { el } from "./ui/dom";
import { attachStyle } from "./ui/style";
import { type Toolbar, toolbar } from "./ui/toolbar";

const FOV = 60;

/** Resolves as soon as the viewer stands; the scene follows, with its progress shown. */
export async function mountViewer(host: HTMLElement, options: ViewerOptions): Promise<ViewerHandle> {
  const viewer = new Viewer(host, options);
  viewer.start();
  return viewer;
}

class Viewer implements ViewerHandle {
  private readonly parts: Parts;
  private readonly load: Load;
  private readonly bar: Toolbar;
  private readonly title = el("p", { class: "rv-title", hidden: true });
  private readonly stop: () => void;
  private opening: Promise<void> = Promise.resolve();
  /** Only the newest wish for a scene counts: the one before is given up. */
  private loading = new AbortController();
  /** The user has taken the camera, or a link has put it: nothing else moves it. */
  private taken = false;
  private disposed = false;

  constructor(
    host: HTMLElement,
    private readonly options: ViewerOptions,
  ) {
    attachStyle();
    this.load = options.load ?? ((url) => fetch(url));
    const root = el("div", { class: "rv" });
    host.append(root);
    this.parts = makeParts(root, options, this.load, (error) => this.complain(error));
    this.bar = toolbar(this.parts, {
      step: (by) => this.step(by),
      home: () => this.goHome(),
      share: () => void this.share(),
      picture: () => savePicture(this.parts.stage, this.parts.state.fileName),
      applyQuality: () => this.applyQuality(),
      turn: (degrees) => this.turn(degrees),
    });
    const foot = el(
      "div",
      { class: "rv-foot" },
      this.parts.status.element,
      this.bar.panels,
      this.bar.element,
    );
    root.append(this.title, foot, this.bar.dialog);
    this.parts.navigator.onMoved = () => {
      this.taken = true;
    };
    this.stop = listen(this.parts, {
      click: (x, y) => this.click(x, y),
      fragmentChanged: () => this.restore(),
    });
    this.applyQuality();
  }

  start(): void {
    const { source, cameras, meshUrl } = this.options;
    if (cameras !== undefined) this.setCameras(cameras);
    if (meshUrl !== undefined) void this.addSurface(meshUrl);
    this.opening = this.open(source);
  }

  replaceScene(source: SceneSource): Promise<void> {
    this.opening = this.open(source);
    return this.opening;
  }

  setCameras(cameras: readonly CapturedCamera[]): void {
    const { views, navigator } = this.parts;
    const first = views.cameras.length === 0;
    views.set(cameras, navigator.size);
    if (first && !this.taken) this.place(this.firstView());
    this.bar.refresh();
  }

  async renderAt(camera: CapturedCamera, width: number, height: number): Promise<ImageData> {
    await this.opening;
    const { stage, state } = this.parts;
    return renderAt(stage, camera, width, height, state.antialiased);
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.loading.abort();
    const { state, stage, views, measure, crop, mark, status, root } = this.parts;
    this.stop();
    for (const part of [views, measure, crop, mark, status]) part.dispose();
    state.mesh?.dispose();
    stage.dispose();
    root.remove();
  }

  private async open(source: SceneSource): Promise<void> {
    this.loading.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    const { status, state } = this.parts;
    const quiet = this.options.mode === "live" && state.mesh !== undefined;
    const onProgress: Progress = (bytes, total) => {
      if (!quiet && !signal.aborted) status.loading(bytes, total);
    };
    if (!quiet) status.clearError();
    onProgress(0, 0);
    try {
      const loaded = await loadScene(source, this.load, onProgress, signal);
      if (signal.aborted) loaded.mesh.dispose();
      else this.take(source, loaded);
    } catch (error) {
      // A snapshot that was replaced while it came is followed by the next one.
      if (!signal.aborted && !quiet) this.fail(error);
    }
  }

  private take(source: SceneSource, { mesh, about }: LoadedScene): void {
    const { stage, state, status, navigator, views, measure } = this.parts;
    const first = state.mesh === undefined;
    status.loaded();
    if (first && about.kind === "spz") state.turned = 90; // an SPZ has +y up; every other kind is ours
    this.setTurn(mesh, state.turned);
    stage.setAntialiased(about.antialiased);
    stage.swap(mesh, state.mesh);
    state.mesh = mesh;
    state.antialiased = about.antialiased;
    state.fileName = source.fileName;
    state.sceneName =
      source.url === undefined ? source.fileName : new URL(source.url, location.href).pathname;
    this.measureExtent();
    views.set(views.cameras, navigator.size);
    this.applyQuality();
    if (first || this.options.mode !== "live") {
      measure.setScale(rememberedScale(state.sceneName) ?? (about.metric ? 1 : undefined));
      if (!this.taken) this.place(this.firstView());
      if (first) this.restore();
    }
    this.showTitle(mesh.numSplats);
    this.bar.refresh();
  }

  private measureExtent(): void {
    const { state, navigator } = this.parts;
    if (state.mesh === undefined) return;
    state.mesh.updateMatrixWorld();
    state.extent = extentOf(state.mesh).applyMatrix4(new Matrix4().copy(state.mesh.matrixWorld));
    navigator.size = Math.max(1e-3, state.extent.min.distanceTo(state.extent.max));
  }

  /** The middle of the film, upright; without a film from outside, down on the whole. */
  private firstView(): CapturedView {
    const { views, state, navigator } = this.parts;
    const { middle } = views;
    if (middle !== undefined) return middle;
    const centre = state.extent.getCenter(state.extent.min.clone());
    const away = centre.clone();
    away.x -= 0.75 * navigator.size;
    away.y -= 0.5 * navigator.size;
    away.z += 0.35 * navigator.size;
    return { pose: lookingAt(away, centre), fov: FOV };
  }

  /** Stands there, turning round what is seen in the middle. */
  private place({ pose, fov }: CapturedView): void {
    const { navigator, stage } = this.parts;
    navigator.place(pose, fov);
    const seen = this.pointAt(stage.canvas.clientWidth / 2, stage.canvas.clientHeight / 2);
    if (seen !== undefined) navigator.setPivot(seen);
  }

  private goHome(): void {
    const { pose, fov } = this.firstView();
    this.parts.navigator.flyTo(pose, fov);
  }

  private step(by: number): void {
    const { views, navigator, status } = this.parts;
    const view = views.step(by);
    if (view === undefined) return;
    this.taken = true;
    navigator.flyTo(view.pose, view.fov);
    status.say(
      `View ${(views.chosen ?? 0) + 1} of ${views.cameras.length}: ${views.cameras[views.chosen ?? 0]?.name ?? ""}`,
    );
    this.bar.refresh();
  }

  private click(x: number, y: number): void {
    const { state, measure, navigator, mark, status } = this.parts;
    const point = this.pointAt(x, y);
    if (point === undefined) {
      status.say("There is nothing of the scene at that point.");
    } else if (state.picking) {
      measure.add(point);
      this.bar.measured();
    } else {
      navigator.setPivot(point);
      mark.show(point);
    }
  }

  private pointAt(x: number, y: number): Vector3 | undefined {
    const { stage, state, crop } = this.parts;
    if (state.mesh === undefined) return undefined;
    return pick(stage, state.mesh, x, y, (point) => crop.holds(point));
  }

  private applyQuality(): void {
    const { state, stage } = this.parts;
    const quality = QUALITIES[state.quality] ?? QUALITIES[2];
    if (state.mesh !== undefined) {
      state.mesh.maxSh = quality.harmonics;
      state.mesh.updateGenerator();
    }
    stage.setQuality(quality.pixelRatio, quality.reach);
  }

  private turn(degrees: number): void {
    const { state } = this.parts;
    state.turned = degrees;
    if (state.mesh === undefined) return;
    this.setTurn(state.mesh, degrees);
    this.measureExtent();
    this.place(this.firstView());
    this.bar.refresh();
  }

  private setTurn(mesh: LoadedScene["mesh"], degrees: number): void {
    mesh.rotation.x = (degrees * Math.PI) / 180;
    mesh.updateMatrixWorld();
  }

  private async addSurface(url: string): Promise<void> {
    const { state, stage } = this.parts;
    try {
      const surface = await loadMesh(url, this.load);
      surface.visible = false;
      state.surface = surface;
      stage.overlays.add(surface);
      this.bar.addSurface();
    } catch (error) {
      this.complain(error);
    }
  }

  /** The link's view, if there is one. */
  private restore(): void {
    const code = this.options.mode === "full" ? codeIn(location.hash) : undefined;
    const shared = code === undefined ? undefined : decodeShared(code);
    if (shared === undefined) return;
    const { navigator, measure, crop } = this.parts;
    this.taken = true;
    navigator.mode = shared.view.mode;
    navigator.place(shared.view, shared.view.fov, shared.view.pivot);
    if (shared.scale !== undefined) measure.setScale(shared.scale);
    crop.set(shared.crop);
    this.bar.refresh();
  }

  private async share(): Promise<void> {
    const { navigator, measure, crop, status } = this.parts;
    const shared: Shared = { view: navigator.view };
    if (measure.scale !== undefined) shared.scale = measure.scale;
    if (crop.value !== undefined) shared.crop = crop.value;
    const address = new URL(location.href);
    address.hash = withCode(location.hash, encodeShared(shared));
    history.replaceState(history.state, "", address);
    try {
      await navigator_.clipboard.writeText(address.href);
      status.say("The link to this view is copied.");
    } catch {
      status.say("The link to this view stands in the address bar: copy it there.");
    }
  }

  private showTitle(gaussians: number): void {
    if (this.options.title === undefined) return;
    this.title.hidden = false;
    this.title.replaceChildren(
      this.options.title,
      el("span", {}, `${gaussians.toLocaleString("en")} Gaussians`),
    );
  }

  /** There is no scene to see: the page says so, if there is one round the viewer. */
  private fail(error: unknown): void {
    const { status } = this.parts;
    status.loaded();
    if (this.options.onError === undefined) status.fail(sentence(error));
    else this.options.onError(sentence(error));
  }

  /** Something beside the scene is missing. */
  private complain(error: unknown): void {
    this.parts.status.fail(sentence(error));
  }
}

function sentence(error: unknown): string {
  if (error instanceof ViewerError) return error.message;
  const reason = error instanceof Error ? error.message : String(error);
  return `The viewer failed (${reason}): reload the page, and tell us if it happens again.`;
}

/** The browser's own, which a part of the viewer would hide. */
const navigator_: globalThis.Navigator = globalThis.navigator;
