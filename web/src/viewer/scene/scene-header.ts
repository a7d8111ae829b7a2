/** What the first bytes of a splat file say: its kind, the model of opacity it was trained with, and its unit. */
import { ViewerError } from "../types";

export type SplatKind = "ply" | "spz" | "sog" | "splat";

export interface SceneAbout {
  kind: SplatKind;
  /** Opacity was trained as Mip-Splatting does: small splats get fainter, not wider. */
  antialiased: boolean;
  /** The scene's unit is the metre. */
  metric: boolean;
}

/** As many bytes as `aboutScene` wants to see, if the file has them. */
export const HEAD_BYTES = 65536;

const KINDS: readonly SplatKind[] = ["ply", "spz", "sog", "splat"];

export async function aboutScene(fileName: string, head: Uint8Array<ArrayBuffer>): Promise<SceneAbout> {
  const kind = kindOf(fileName, head);
  const text = new TextDecoder("latin1").decode(head);
  if (kind === "ply") {
    return aboutPly(fileName, text);
  }
  if (kind === "spz") {
    return { kind, antialiased: await spzIsAntialiased(head), metric: false };
  }
  if (kind === "sog") {
    // Our own lie plain at the beginning; of others' the description may be packed or come later.
    const metric = /"generator"\s*:\s*"roomsplat [^}]*"scale"\s*:\s*"metric"/.test(text);
    return { kind, antialiased: /"antialias"\s*:\s*true/.test(text), metric };
  }
  return { kind, antialiased: false, metric: false };
}

function kindOf(fileName: string, head: Uint8Array): SplatKind {
  const suffix = fileName.slice(fileName.lastIndexOf(".") + 1).toLowerCase();
  const magic = String.fromCharCode(...head.subarray(0, 4));
  const found = magic.startsWith("ply")
    ? "ply"
    : magic.startsWith("\x1f\x8b") || magic === "NGSP"
      ? "spz"
      : magic === "PK\x03\x04"
        ? "sog"
        : undefined;
  const named = KINDS.find((kind) => kind === suffix);
  if (named === undefined && found === undefined) {
    throw new ViewerError(`${fileName} is not a scene: open a .ply, .spz, .sog or .splat file.`);
  }
  // A .splat has no magic number; every other kind must keep the promise of its name.
  if (found === undefined && named !== "splat") {
    throw new ViewerError(
      `${fileName} does not begin as a .${named} file does: it may be cut off or renamed.`,
    );
  }
  return found ?? "splat";
}

function aboutPly(fileName: string, text: string): SceneAbout {
  const end = text.indexOf("end_header");
  const header = end < 0 ? text : text.slice(0, end);
  if (end < 0 || !/\b(scale_0|packed_scale)\b/.test(header)) {
    throw new ViewerError(
      `${fileName} is a PLY without Gaussians: it may be a mesh or a point cloud, which this viewer does not show.`,
    );
  }
  return {
    kind: "ply",
    antialiased: /^comment (SplatRenderMode: mip|antialiased 1)\s*$/m.test(header),
    metric: /^comment roomsplat .*"scale"\s*:\s*"metric"/m.test(header),
  };
}

/** Niantic's header: magic, version, count (4 bytes each), degree, fractional bits, flags; bit 0 is antialiased. */
async function spzIsAntialiased(head: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const bytes = head[0] === 0x1f ? await firstUnzipped(head, 16) : head;
  return ((bytes[14] ?? 0) & 1) === 1;
}

async function firstUnzipped(head: Uint8Array<ArrayBuffer>, count: number): Promise<Uint8Array> {
  const unzip = new DecompressionStream("gzip");
  const writer = unzip.writable.getWriter();
  // The head is a part of the file: what follows is missing, and the stream will say so later; nobody listens then.
  writer.write(head).catch(() => undefined);
  const reader = unzip.readable.getReader();
  const { value } = await reader.read();
  reader.cancel().catch(() => undefined);
  return (value ?? new Uint8Array()).subarray(0, count);
}
