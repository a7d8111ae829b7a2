import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Api } from "./support/api";
import { expect, test } from "./support/fixtures";

const BULK = 6_000_000;
const SLOW_BYTES_A_SECOND = 600_000;

test("a reload in the middle of an upload loses nothing", async ({ page, service, film, scratch }) => {
  const path = bulky(film, join(scratch, "bulky.mp4"));
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: SLOW_BYTES_A_SECOND };
  await network.send("Network.emulateNetworkConditions", slow);
  await page.goto(service.address);
  await page.getByTestId("file-input").setInputFiles(path);
  await page.getByLabel("Preview").check();
  await page.getByRole("button", { name: "Make the room" }).click();
  const row = page.locator(".upload-row", { hasText: "bulky.mp4" });
  await expect(row).toContainText(/[2-9]\d % of/, { timeout: 60_000 });

  await page.reload();
  await expect(row).toContainText("Unfinished", { timeout: 30_000 });
  const left = Number(/(\d+) % of/.exec((await row.textContent()) ?? "")?.[1]);
  expect(left).toBeGreaterThan(5);
  const offsets: number[] = [];
  page.on("request", (request) => {
    if (request.method() === "PATCH") offsets.push(Number(request.headers()["upload-offset"]));
  });
  await network.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: -1 });
  await page.getByTestId("file-input").setInputFiles(path);
  await expect(row).toContainText("Sent", { timeout: 60_000 });
  expect(offsets[0]).toBeGreaterThan(0.05 * BULK);

  const name = readdirSync(join(service.storage, "uploads")).find(
    (file) => file.endsWith(".mp4") && size(file) > BULK,
  );
  expect(digest(join(service.storage, "uploads", name ?? ""))).toBe(digest(path));
  const id = (name ?? "").replace(".mp4", "");
  const api = new Api(service.address);
  await api.cancel(id);
  await api.until(id, "cancelled");

  function size(file: string): number {
    return readFileSync(join(service.storage, "uploads", file)).length;
  }
});

test("sending can be paused", async ({ page, service, film, scratch, watch }) => {
  // The service may not have noticed yet that the paused request is gone; the client then asks again by itself.
  watch.expected.push(/status of 423 .*\/api\/uploads\//);
  const path = bulky(film, join(scratch, "paused.mp4"));
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: SLOW_BYTES_A_SECOND };
  await network.send("Network.emulateNetworkConditions", slow);
  await page.goto(service.address);
  await page.getByTestId("file-input").setInputFiles(path);
  await page.getByRole("button", { name: "Make the room" }).click();
  const row = page.locator(".upload-row", { hasText: "paused.mp4" });
  await expect(row).toContainText(/\/s/, { timeout: 30_000 });
  await row.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(row).toContainText("Paused");
  await row.getByRole("button", { name: "Go on" }).click();
  await expect(row).toContainText("Sending");
  await row.getByRole("button", { name: "Give paused.mp4 up" }).click();
  await expect(row).toHaveCount(0);
});

/** The film with a box behind it that players pass over: the same film, large enough to take a while. */
function bulky(film: string, path: string): string {
  const free = Buffer.alloc(BULK, "roomsplat");
  free.writeUInt32BE(BULK, 0);
  free.write("free", 4, "latin1");
  writeFileSync(path, Buffer.concat([readFileSync(film), free]));
  return path;
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
