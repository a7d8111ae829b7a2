import { expect, test } from "vitest";
import { fingerprintOf } from "../../src/app/upload/fingerprint";

/** FNV-1a as its authors write it, one 64-bit multiplication a byte. */
function slowFnv(data: Uint8Array): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of data) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16);
}

const noise = (length: number, seed: number) => {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
};

test("the hash in halves of 32 bits is FNV-1a", async () => {
  const data = noise(1000, 7);
  const eight = new Uint8Array(8000);
  for (let index = 0; index < 8; index += 1) eight.set(data, index * 1000); // a small file is its own eight samples
  expect(await fingerprintOf(new Blob([data]))).toBe(`1000-${slowFnv(eight)}`);
});

test("the same content under another name and date is the same film", async () => {
  const data = noise(300_000, 1);
  const one = new File([data], "IMG_0001.mov", { lastModified: 1 });
  const other = new File([data.slice()], "room.mov", { lastModified: 2 });
  expect(await fingerprintOf(one)).toBe(await fingerprintOf(other));
});

test("another length, beginning or end is another film", async () => {
  const data = noise(300_000, 1);
  const first = data.slice();
  first[100] = (first[100] ?? 0) ^ 1;
  const last = data.slice();
  last[299_999] = (last[299_999] ?? 0) ^ 1;
  const prints = await Promise.all(
    [data, first, last, data.slice(0, -1)].map((d) => fingerprintOf(new Blob([d]))),
  );
  expect(new Set(prints).size).toBe(4);
});
