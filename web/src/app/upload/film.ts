/** Is this file a film that the service takes? By its first bytes and its size, before anything is sent. */
import type { Limits } from "../../api/types";
import { bytes } from "../format";

const HEAD_BYTES = 64;
const QUICKTIME = new Set(["ftyp", "moov", "mdat", "wide", "free", "skip"]);
const PICTURES = new Set(["heic", "heix", "mif1", "avif", "heim", "heis"]);
const SCENES = /\.(ply|spz|sog|splat)$/i;

export type FilmKind = "mp4" | "mov" | "mkv" | "webm" | "picture" | null;

/** What a file's own page could not take, in the form of the service's problems: what is wrong, what to do. */
export interface Refusal {
  message: string;
  hint: string;
}

/** The kind by the first bytes, with the service's own rules (server/probe.py); null is none that we know. */
export function sniff(head: Uint8Array): FilmKind {
  const at = (from: number, to: number) => String.fromCharCode(...head.subarray(from, to));
  const atom = at(4, 8);
  if (atom === "ftyp" && PICTURES.has(at(8, 12))) return "picture";
  if (QUICKTIME.has(atom)) return atom === "ftyp" && at(8, 12) !== "qt  " ? "mp4" : "mov";
  if (at(0, 4) === "\x1a\x45\xdf\xa3") return at(0, HEAD_BYTES).includes("webm") ? "webm" : "mkv";
  return null;
}

/** Why this file is no good; null when it may be sent. */
export async function refusalOf(file: File, limits: Limits | null): Promise<Refusal | null> {
  if (file.size === 0)
    return { message: `${file.name} is empty.`, hint: "Copy it from the phone once more." };
  if (limits !== null && file.size > limits.max_upload_bytes) {
    return {
      message: `${file.name} has ${bytes(file.size)}; this service takes ${bytes(limits.max_upload_bytes)} at most.`,
      hint: "Film with 1080p instead of 4K, or cut the film.",
    };
  }
  let kind: FilmKind;
  try {
    kind = sniff(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
  } catch {
    return { message: `${file.name} cannot be read.`, hint: "Choose the file, not its folder." };
  }
  if (kind === "picture") {
    return { message: `${file.name} is a single picture.`, hint: "Choose a film of the room." };
  }
  if (kind === null) {
    return {
      message: `${file.name} is not a film.`,
      hint: "Choose an mp4, mov, mkv or webm, straight from the phone.",
    };
  }
  return null;
}

/** A finished scene, by its name: it is opened, not uploaded. */
export const isScene = (file: File): boolean => SCENES.test(file.name);
