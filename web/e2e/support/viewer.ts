/** Looks at what the viewer really draws. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import type { CapturedCamera, ViewerHandle } from "../../src/viewer/types";
import { ARTEFACTS, engine } from "./python";

/** The page leaves the viewer's handle on its element, the viewer alone on its window. */
type Host = HTMLElement & { viewerHandle?: ViewerHandle };
type Alone = Window & { roomsplat?: { viewer: ViewerHandle } };

export async function viewerIsReady(page: Page): Promise<void> {
  await page.waitForFunction(
    () => document.querySelector<Host>("[data-viewer]")?.viewerHandle ?? (window as Alone).roomsplat?.viewer,
    undefined,
    { timeout: 60_000 },
  );
}

/** The pixels of one captured camera, RGBA. */
export async function drawn(
  page: Page,
  camera: CapturedCamera,
  width: number,
  height: number,
): Promise<Buffer> {
  await viewerIsReady(page);
  const text = await page.evaluate(
    async ([from, w, h]) => {
      const host = document.querySelector<Host>("[data-viewer]");
      const viewer = host?.viewerHandle ?? (window as Alone).roomsplat?.viewer;
      if (viewer === undefined) throw new Error("there is no viewer");
      const { data } = await viewer.renderAt(from, w, h);
      let letters = "";
      for (let start = 0; start < data.length; start += 8192) {
        letters += String.fromCharCode(...data.subarray(start, start + 8192));
      }
      return btoa(letters);
    },
    [camera, width, height] as const,
  );
  return Buffer.from(text, "base64");
}

/** How like the engine's own picture of the same camera it is. Both pictures stay in the artefacts. */
export function likeness(
  scene: string,
  transforms: string,
  index: number,
  pixels: Buffer,
  size: readonly [number, number],
): { ssim: number; psnr: number } {
  const file = join(ARTEFACTS, `camera-${index}.rgba`);
  writeFileSync(file, pixels);
  const out = join(ARTEFACTS, `camera-${index}`);
  const said = engine("compare", scene, transforms, `${index}`, file, `${size[0]}`, `${size[1]}`, out);
  return JSON.parse(said) as { ssim: number; psnr: number };
}

/** The middle of the canvas, where no bar and no title lies over it, shows a picture and not one colour. */
export async function showsSplats(page: Page, canvas = "canvas"): Promise<void> {
  await expect.poll(() => coloursInTheMiddle(page, canvas), { timeout: 60_000 }).toBeGreaterThan(8);
}

/** Different colours there, as the visitor sees them. */
async function coloursInTheMiddle(page: Page, canvas: string): Promise<number> {
  const box = await page.locator(canvas).first().boundingBox();
  if (box === null) return 0;
  const clip = {
    x: box.x + box.width / 4,
    y: box.y + box.height / 4,
    width: box.width / 2,
    height: box.height / 3,
  };
  const picture = await page.screenshot({ clip });
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    if (context === null) throw new Error("no 2d context");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const colours = new Set<number>();
    for (let i = 0; i < data.length; i += 4) {
      // four bits of each channel: noise of a gradient does not count
      colours.add(
        (((data[i] ?? 0) >> 4) << 8) | (((data[i + 1] ?? 0) >> 4) << 4) | ((data[i + 2] ?? 0) >> 4),
      );
    }
    return colours.size;
  }, picture.toString("base64"));
}
