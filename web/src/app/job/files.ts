/** What the files of a job are, in words. */
import type { JobFile } from "../../api/types";

interface About {
  title: string;
  /** Two to five letters, as on a file's icon. */
  kind: string;
  order: number;
}

const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/^scene\.ply$/, "Splat, everything in it"],
  [/^scene\.compressed\.ply$/, "Splat, compressed PLY"],
  [/^scene\.spz$/, "Splat, small"],
  [/^scene\.sog$/, "Splat for the web"],
  [/^scene\.splat$/, "Splat, simple viewers"],
  [/^scene\.glb$/, "Splat, glTF"],
  [/^scene\.html$/, "Splat and viewer, one page"],
  [/^mesh\.glb$/, "Mesh"],
  [/^mesh\.obj$/, "Mesh, OBJ"],
  [/^mesh\.mtl$/, "Mesh, OBJ: its material"],
  [/^mesh\.(jpg|png)$/, "Mesh, OBJ: its texture"],
  [/^mesh\.ply$/, "Mesh, PLY"],
  [/^plan\.svg$/, "Floor plan"],
  [/^tour\.mp4$/, "Fly-through film"],
  [/^preview\.png$/, "Picture"],
  [/^cameras\.zip$/, "Cameras and pictures"],
  [/^report\.html$/, "Report"],
  [/^run\.json$/, "Figures of the run"],
  [/^config\.json$/, "Settings of the run"],
];

const HIDDEN = /^(cameras\/|live\/|thumbnail\.jpg$|\.)/;

/** Parts of other files and pictures of the page itself are not offered one by one. */
export const isOffered = (name: string): boolean => !HIDDEN.test(name);

export function aboutFile(name: string): About {
  const order = KNOWN.findIndex(([pattern]) => pattern.test(name));
  const kind = (name.split(".").pop() ?? "").toUpperCase();
  if (order === -1) return { title: name, kind, order: KNOWN.length };
  return { title: KNOWN[order]?.[1] ?? name, kind, order };
}

/** The SPZ last of the whole ones: it does not know whether its unit is the metre. */
const SHOWN = ["scene.sog", "scene.ply", "scene.spz", "scene.splat"];

/** The splat that the viewer shows: everything in it, and small where there is a choice. */
export function shownScene(files: readonly JobFile[]): JobFile | null {
  for (const name of SHOWN) {
    const file = files.find((one) => one.name === name);
    if (file !== undefined) return file;
  }
  return null;
}
