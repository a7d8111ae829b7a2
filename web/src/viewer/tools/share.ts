/**
 * A view in the address: `view=CODE` in the fragment, which no server ever sees.
 *
 * CODE is base64url of: version, flags (bit 0 walk, bit 1 scale, bit 2 crop); position and pivot as float32;
 * yaw, pitch, roll in 1/10000 radian and the field of view in 1/100 degree as int16; then scale and crop if flagged.
 */
import { Box3, Vector3 } from "three";
import type { View } from "../move/navigator";

export interface Shared {
  view: View;
  /** Metres in one unit. */
  scale?: number;
  crop?: Box3;
}

const VERSION = 1;
const WALK = 1;
const SCALE = 2;
const CROP = 4;
const FIXED_BYTES = 2 + 6 * 4 + 4 * 2;
const ANGLE = 10000;
const FOV = 100;
const IN_FRAGMENT = /([#&?])view=([\w-]*)&?/;

export function encodeShared({ view, scale, crop }: Shared): string {
  const size = FIXED_BYTES + (scale === undefined ? 0 : 4) + (crop === undefined ? 0 : 24);
  const data = new DataView(new ArrayBuffer(size));
  let at = 2;
  const float = (value: number): void => {
    data.setFloat32(at, value, true);
    at += 4;
  };
  const short = (value: number): void => {
    data.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(value))), true);
    at += 2;
  };
  data.setUint8(0, VERSION);
  const flags = (view.mode === "walk" ? WALK : 0) | (scale === undefined ? 0 : SCALE) | (crop ? CROP : 0);
  data.setUint8(1, flags);
  for (const value of [...view.position.toArray(), ...view.pivot.toArray()]) float(value);
  for (const angle of [view.yaw, view.pitch, view.roll]) short(wrapped(angle) * ANGLE);
  short(view.fov * FOV);
  if (scale !== undefined) float(scale);
  if (crop !== undefined) for (const value of [...crop.min.toArray(), ...crop.max.toArray()]) float(value);
  return base64url(new Uint8Array(data.buffer));
}

/** Undefined where the code is not one of ours or of another time. */
export function decodeShared(code: string): Shared | undefined {
  const data = bytesOf(code);
  if (data === undefined || data.byteLength < FIXED_BYTES || data.getUint8(0) !== VERSION) return undefined;
  const flags = data.getUint8(1);
  const size = FIXED_BYTES + (flags & SCALE ? 4 : 0) + (flags & CROP ? 24 : 0);
  if (data.byteLength !== size) return undefined;
  let at = 2;
  const float = (): number => {
    at += 4;
    return data.getFloat32(at - 4, true);
  };
  const short = (): number => {
    at += 2;
    return data.getInt16(at - 2, true);
  };
  const point = (): Vector3 => new Vector3(float(), float(), float());
  const [position, pivot] = [point(), point()];
  const [yaw, pitch, roll] = [short() / ANGLE, short() / ANGLE, short() / ANGLE];
  const view: View = {
    position,
    pivot,
    yaw,
    pitch,
    roll,
    fov: short() / FOV,
    mode: flags & WALK ? "walk" : "orbit",
  };
  const scale = flags & SCALE ? float() : undefined;
  const crop = flags & CROP ? new Box3(point(), point()) : undefined;
  return makesSense(view, scale, crop)
    ? { view, ...(scale === undefined ? {} : { scale }), ...(crop === undefined ? {} : { crop }) }
    : undefined;
}

/** The code in an address' fragment, `#…`. */
export function codeIn(fragment: string): string | undefined {
  return IN_FRAGMENT.exec(fragment)?.[2];
}

/** The same fragment with this code; what else is written there stays. */
export function withCode(fragment: string, code: string): string {
  const others = fragment.replace(IN_FRAGMENT, "$1").replace(/[#&?]$/, "");
  if (others === "") return `#view=${code}`;
  const separator = others.includes("?") || others.includes("=") ? "&" : "?";
  return `${others}${separator}view=${code}`;
}

function makesSense(view: View, scale: number | undefined, crop: Box3 | undefined): boolean {
  const points = [view.position, view.pivot, ...(crop === undefined ? [] : [crop.min, crop.max])];
  const finite = points.every((point) => point.toArray().every(Number.isFinite));
  return (
    finite && view.fov > 1 && view.fov < 170 && (scale === undefined || (scale > 0 && Number.isFinite(scale)))
  );
}

function wrapped(angle: number): number {
  return Math.atan2(Math.sin(angle), Math.cos(angle));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function bytesOf(code: string): DataView | undefined {
  try {
    const text = atob(code.replaceAll("-", "+").replaceAll("_", "/"));
    return new DataView(Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer);
  } catch {
    return undefined;
  }
}
