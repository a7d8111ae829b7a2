// @vitest-environment node
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { aboutScene } from "../../src/viewer/scene/scene-header";

const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "latin1"));

function ply(...comments: string[]): Uint8Array<ArrayBuffer> {
  const lines = [
    "ply",
    "format binary_little_endian 1.0",
    ...comments,
    "element vertex 1",
    "property float scale_0",
  ];
  return bytes(`${lines.join("\n")}\nend_header\n\0\0\0\0`);
}

/** Niantic's header: magic NGSP, version 2, 5 points, degree 3, 12 bits, flags, reserved. */
function spz(flags: number): Uint8Array<ArrayBuffer> {
  const head = Buffer.alloc(16);
  head.write("NGSP");
  head.writeUInt32LE(2, 4);
  head.writeUInt32LE(5, 8);
  head[12] = 3;
  head[13] = 12;
  head[14] = flags;
  return new Uint8Array(gzipSync(Buffer.concat([head, Buffer.alloc(5000, 7)])));
}

describe("the head of a scene", () => {
  it.each([
    ["comment SplatRenderMode: mip", true],
    ["comment antialiased 1", true],
    ["comment about mip maps", false],
  ])("of a PLY with '%s' says antialiased: %s", async (comment, antialiased) => {
    expect(await aboutScene("a.ply", ply(comment))).toMatchObject({ kind: "ply", antialiased });
  });

  it("tells metres from unknown units by roomsplat's own comment", async () => {
    const told = (scale: string) => ply(`comment roomsplat {"version": "0.1.0", "scale": "${scale}"}`);
    expect((await aboutScene("a.ply", told("metric"))).metric).toBe(true);
    expect((await aboutScene("a.ply", told("arbitrary"))).metric).toBe(false);
  });

  it("reads an SPZ's flag of antialiasing, also of a part of the file", async () => {
    expect(await aboutScene("a.spz", spz(1))).toMatchObject({ kind: "spz", antialiased: true });
    expect(await aboutScene("a.spz", spz(0))).toMatchObject({ kind: "spz", antialiased: false });
    const part = spz(1).slice(0, -12);
    expect(await aboutScene("a.spz", part)).toMatchObject({ antialiased: true });
  });

  it("reads a SOG's flag where its description lies plain in the zip", async () => {
    const plain = bytes('PK\x03\x04 meta.json {"version":2,"antialias": true}');
    expect(await aboutScene("a.sog", plain)).toMatchObject({ kind: "sog", antialiased: true });
    expect(await aboutScene("a.sog", bytes("PK\x03\x04"))).toMatchObject({ kind: "sog", antialiased: false });
  });

  it("reads the unit of a SOG that roomsplat made, and of no other", async () => {
    const made = (generator: string, scale: string) =>
      bytes(`PK\x03\x04meta.json{"count": 1, "asset": {"generator": "${generator}", "scale": "${scale}"}}`);
    expect((await aboutScene("a.sog", made("roomsplat 0.1.0", "metric"))).metric).toBe(true);
    expect((await aboutScene("a.sog", made("roomsplat 0.1.0", "arbitrary"))).metric).toBe(false);
    expect((await aboutScene("a.sog", made("another 1.0", "metric"))).metric).toBe(false);
  });

  it("goes by the content where the name lies, and by the name for .splat, which has no magic", async () => {
    expect((await aboutScene("renamed.splat", ply())).kind).toBe("ply");
    expect((await aboutScene("a.splat", bytes("\x01\x02\x03\x04"))).kind).toBe("splat");
  });

  it.each([
    ["notes.txt", bytes("hello"), "notes.txt is not a scene: open a .ply, .spz, .sog or .splat file."],
    ["cut.ply", bytes("<html>"), "cut.ply does not begin as a .ply file does: it may be cut off or renamed."],
    ["mesh.ply", bytes("ply\nelement face 3\nend_header\n"), "mesh.ply is a PLY without Gaussians"],
    ["empty.spz", bytes(""), "empty.spz does not begin as a .spz file does"],
  ])("of %s is refused in one sentence", async (name, head, words) => {
    await expect(aboutScene(name, head)).rejects.toThrow(words);
  });
});
