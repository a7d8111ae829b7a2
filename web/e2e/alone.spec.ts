import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { cameraOf } from "./support/cameras";
import { expect, test } from "./support/fixtures";
import { serving } from "./support/process";
import { roomsplat } from "./support/python";
import { hasNoBarriers } from "./support/screens";
import { drawn, likeness, showsSplats, viewerIsReady } from "./support/viewer";

test("roomsplat view shows a finished run", async ({ page, service, room }) => {
  const folder = join(service.storage, "models", room);
  const viewing = await serving(["view", folder, "--no-browser"]);
  try {
    await page.goto(viewing.address);
    await viewerIsReady(page);
    await showsSplats(page);
    await hasNoBarriers(page);
    const transforms = await (await fetch(`${viewing.address}/files/cameras/transforms.json`)).json();
    const pixels = await drawn(page, cameraOf(transforms, 7), 640, 480);
    const files = [join(folder, "scene.ply"), join(folder, "cameras", "transforms.json")] as const;
    expect(likeness(...files, 7, pixels, [640, 480]).ssim).toBeGreaterThanOrEqual(0.9);
  } finally {
    await viewing.stop();
  }
});

test("a report shows the room from the disk, with nothing else there", async ({ page, service, room }) => {
  await page.goto(pathToFileURL(join(service.storage, "models", room, "report.html")).href);
  await page.getByRole("button", { name: "Look around in the room" }).click();
  await expect(page.getByRole("button", { name: "Look around in the room" })).toHaveCount(0, {
    timeout: 60_000,
  });
  await expect(page.locator("#room canvas")).toBeVisible();
  await showsSplats(page, "#room canvas");
});

test("a report that the service shows runs its viewer in a sandbox", async ({ page, service, room }) => {
  await page.goto(`${service.address}/api/jobs/${room}/files/report.html`);
  await page.getByRole("button", { name: "Look around in the room" }).click();
  await expect(page.locator("#room canvas")).toBeVisible({ timeout: 60_000 });
  await showsSplats(page, "#room canvas");
});

test("a scene becomes one page that shows it from the disk", async ({ page, service, room }) => {
  const folder = join(service.storage, "models", room);
  const file = join(tmpdir(), `roomsplat-${room}.html`);
  roomsplat("convert", join(folder, "scene.ply"), file);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).protocol));
  await page.context().setOffline(true);
  await page.goto(pathToFileURL(file).href);
  await expect(page.getByText("Opening the room")).toHaveCount(0, { timeout: 60_000 });
  await showsSplats(page, "#room canvas");
  expect(asked.filter((protocol) => !["file:", "data:", "blob:"].includes(protocol))).toEqual([]);
  expect(asked.filter((protocol) => protocol === "file:")).toHaveLength(1);
});
