/** The page of `roomsplat view`, and of any scene from the disk: the viewer and nothing round it. */
import "../design/tokens.css";
import "./standalone.css";
import { listenToDrops } from "./drop";
import {
  type CapturedCamera,
  camerasFromTransforms,
  mountViewer,
  type ViewerHandle,
  type ViewerOptions,
} from "./index";
import { el } from "./ui/dom";

/** What `roomsplat view` says is to be seen. */
interface Shown {
  title: string;
  fileName: string;
  scene: string;
  cameras: string | null;
  mesh: string | null;
}

declare global {
  interface HTMLElement {
    /** The viewer that is mounted in this element: for tests that read its pixels. */
    viewerHandle?: ViewerHandle | undefined;
  }
}

const host = el("div", { class: "rv-page", "data-viewer": true });
document.getElementById("viewer")?.append(host);
let open: ViewerHandle | undefined;
listenToDrops(
  document.body,
  (file) => void show({ source: { fileName: file.name, file }, title: file.name, mode: "full" }),
);
void begin();

async function begin(): Promise<void> {
  const shown = await described();
  if (shown === undefined) {
    invite();
    return;
  }
  const { title, scene, fileName, mesh } = shown;
  const cameras = shown.cameras === null ? [] : await camerasAt(shown.cameras);
  const options: ViewerOptions = { source: { fileName, url: scene }, title, cameras, mode: "full" };
  await show(mesh === null ? options : { ...options, meshUrl: mesh });
}

async function show(options: ViewerOptions): Promise<void> {
  open?.dispose();
  host.replaceChildren();
  document.title = `${options.source.fileName} - roomsplat`;
  try {
    open = await mountViewer(host, options);
    host.viewerHandle = open;
  } catch (error) {
    host.replaceChildren(
      el("p", { class: "rv-invitation", role: "alert" }, error instanceof Error ? error.message : ""),
    );
  }
}

/** Undefined where nobody says what to show: then a file may be dropped. */
async function described(): Promise<Shown | undefined> {
  const response = await fetch("view.json");
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return response.ok && isJson ? ((await response.json()) as Shown) : undefined;
}

/** A scene without its cameras is still worth seeing. */
async function camerasAt(address: string): Promise<CapturedCamera[]> {
  try {
    const response = await fetch(address);
    const base = new URL(address, location.href);
    return camerasFromTransforms(await response.json(), (path) => new URL(path, base).href);
  } catch {
    return [];
  }
}

function invite(): void {
  const input = el("input", { type: "file", accept: ".ply,.spz,.sog,.splat" });
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file !== undefined)
      void show({ source: { fileName: file.name, file }, title: file.name, mode: "full" });
  });
  const label = el("label", {}, "Drop a scene here, or choose a .ply, .spz, .sog or .splat file", input);
  host.replaceChildren(el("div", { class: "rv-invitation" }, label));
}
