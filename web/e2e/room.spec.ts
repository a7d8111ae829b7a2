import { statSync } from "node:fs";
import { join } from "node:path";
import { Api } from "./support/api";
import { cameraOf } from "./support/cameras";
import { expect, test } from "./support/fixtures";
import { hasNoBarriers } from "./support/screens";
import { drawn, likeness, showsSplats, viewerIsReady } from "./support/viewer";

test("a film becomes a room: upload, watch it appear, walk through it", async ({
  page,
  service,
  film,
  watch,
}) => {
  // A snapshot goes when the room is there, perhaps just as it is asked for; the viewer keeps the one it shows.
  watch.expected.push(/status of 404 .*live\/scene\.splat/);
  // the form has no field for how often a snapshot is written, and this room is done before the first usual one
  await page.route("**/api/uploads", async (route) => {
    const headers = route.request().headers();
    const said = headers["upload-metadata"];
    if (route.request().method() !== "POST" || said === undefined) return route.continue();
    const metadata = withConfig(said, { export: { tour_seconds: 0, live_seconds: 1 } });
    return route.continue({ headers: { ...headers, "upload-metadata": metadata } });
  });
  await page.goto(service.address);
  await page.getByTestId("file-input").setInputFiles(film);
  await page.getByLabel("Preview").check();
  await page.getByText("More settings").click();
  await page.getByLabel("Most Gaussians").fill("6000");
  await page.getByLabel("Computed on").selectOption("cpu");
  await page.getByRole("button", { name: "Make the room" }).click();
  await page.locator(".upload-row a[href^='/jobs/']").click();

  // it appears while it is computed, and is not put away by the next snapshot
  const theatre = page.locator(".theatre");
  await expect(theatre).toHaveAttribute("data-shows", "live", { timeout: 120_000 });
  await viewerIsReady(page);
  await showsSplats(page);
  await expect(page.getByRole("img", { name: /loss|PSNR/i }).first()).toBeVisible();
  await hasNoBarriers(page);

  await expect(page.locator(".job")).toHaveAttribute("data-status", "completed", { timeout: 150_000 });
  await expect(theatre).toHaveAttribute("data-shows", "scene");
  await viewerIsReady(page);
  await showsSplats(page);

  const id = new URL(page.url()).pathname.split("/").pop() ?? "";
  expect((await new Api(service.address).job(id)).status).toBe("completed");
  const scene = page.getByRole("link", { name: /Splat, everything in it/ });
  const size = statSync(join(service.storage, "models", id, "scene.ply")).size;
  await expect(scene).toContainText(`${(size / 1e6).toFixed(1)} MB`);
  const [download] = await Promise.all([page.waitForEvent("download"), scene.click()]);
  expect(statSync(await download.path()).size).toBe(size);
});

test("the viewer draws what the engine draws", async ({ page, service, room }) => {
  await page.goto(`${service.address}/jobs/${room}`);
  const folder = join(service.storage, "models", room);
  const transforms = await new Api(service.address).json(`/api/jobs/${room}/files/cameras/transforms.json`);
  for (const index of [0, 15]) {
    const pixels = await drawn(page, cameraOf(transforms, index), 640, 480);
    const files = [join(folder, "scene.ply"), join(folder, "cameras", "transforms.json")] as const;
    const { ssim, psnr } = likeness(...files, index, pixels, [640, 480]);
    console.log(`camera ${index}: SSIM ${ssim.toFixed(4)}, PSNR ${psnr.toFixed(1)} dB`);
    expect(ssim).toBeGreaterThanOrEqual(0.9);
  }
});

/** tus metadata with more in its settings. */
function withConfig(metadata: string, more: object): string {
  const pairs = metadata.split(",").map((pair) => pair.trim().split(" "));
  return pairs
    .map(([name, value]) => {
      if (name !== "config") return `${name} ${value}`;
      const config: object = JSON.parse(Buffer.from(value ?? "", "base64").toString("utf8"));
      return `config ${Buffer.from(JSON.stringify({ ...config, ...more })).toString("base64")}`;
    })
    .join(",");
}
