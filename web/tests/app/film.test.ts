import { expect, test } from "vitest";
import type { Limits } from "../../src/api/types";
import { isScene, refusalOf, sniff } from "../../src/app/upload/film";

const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const LIMITS: Limits = {
  max_upload_bytes: 1000,
  max_video_seconds: 900,
  max_frames: 1000,
  suffixes: [".mp4"],
};

test.each([
  ["\0\0\0\x20ftypisom", "mp4"],
  ["\0\0\0\x14ftypqt  ", "mov"],
  ["\0\0\0\x08wide....", "mov"],
  ["\x1a\x45\xdf\xa3....webm", "webm"],
  ["\x1a\x45\xdf\xa3....matroska", "mkv"],
  ["\0\0\0\x18ftypheic", "picture"],
  ["notes about a film", null],
  ["", null],
])("the first bytes %j are of kind %s, by the rules of the service", (head, kind) => {
  expect(sniff(ascii(head))).toBe(kind);
});

test("a film within the limits may be sent, whatever its name", async () => {
  expect(await refusalOf(new File(["\0\0\0\x20ftypisom...."], "room"), LIMITS)).toBeNull();
});

test.each([
  [new File(["plain text"], "room.mp4"), "room.mp4 is not a film."],
  [new File([], "room.mp4"), "room.mp4 is empty."],
  [new File(["\0\0\0\x18ftypheic"], "room.heic"), "room.heic is a single picture."],
  [new File(["x".repeat(1001)], "long.mp4"), "long.mp4 has 1.0 kB; this service takes 1.0 kB at most."],
])("a file that is no good is refused in a sentence, with something to do", async (file, message) => {
  const refusal = await refusalOf(file, LIMITS);
  expect(refusal?.message).toBe(message);
  expect(refusal?.hint).toMatch(/\.$/);
});

test("scenes are known by their suffix, films are not scenes", () => {
  const named = (name: string) => isScene(new File(["x"], name));
  expect(["a.ply", "b.SPZ", "c.sog", "d.splat"].map(named)).toEqual([true, true, true, true]);
  expect(["a.mp4", "ply", "b.ply.mov"].map(named)).toEqual([false, false, false]);
});
