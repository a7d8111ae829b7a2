import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Api } from "./support/api";
import { expect, QUICK, test } from "./support/fixtures";
import { hasNoBarriers } from "./support/screens";

test("a film without a room in it says why, and what to do", async ({ page, service, wall }) => {
  const api = new Api(service.address);
  const id = await api.upload(wall, QUICK);
  await page.goto(`${service.address}/jobs/${id}`);
  await expect(page.locator(".job")).toHaveAttribute("data-status", "failed", { timeout: 120_000 });
  const { error } = await api.job(id);
  expect(error?.code).toBe("registration_failed");
  await expect(page.locator(".job")).toContainText(error?.message ?? "nothing was said");
  await expect(page.locator(".job")).toContainText(error?.hint ?? "nothing was said");
  await hasNoBarriers(page);
  await page.goto(`${service.address}/jobs`);
  await expect(page.locator(`[data-job="${id}"]`)).toContainText(error?.message ?? "nothing was said");
});

test("what is no film is refused before it is sent", async ({ page, service, scratch }) => {
  const notes = join(scratch, "notes.mp4");
  writeFileSync(notes, "these are no moving pictures");
  await page.goto(service.address);
  await page.getByTestId("file-input").setInputFiles(notes);
  await expect(page.getByText("notes.mp4 is not a film.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Make the room" })).toHaveCount(0);
});

test("a running job is cancelled, and run again with other settings", async ({ page, service, film }) => {
  const api = new Api(service.address);
  // only what the form cannot change differs from the preset: frames and cameras are then kept
  const id = await api.upload(
    film,
    { quality: "preview", engine: "cpu", train: { max_steps: 90_000 } },
    "long.mp4",
  );
  await page.goto(`${service.address}/jobs/${id}`);
  await expect(page.locator("li[aria-current=step]", { hasText: "Splat" })).toBeVisible({ timeout: 120_000 });
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel it" }).click();
  await expect(page.locator(".job")).toHaveAttribute("data-status", "cancelled", { timeout: 30_000 });

  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("dialog").getByLabel("High").check();
  await page.getByRole("button", { name: "Run again" }).click();
  const cameras = page.locator(".stages li", { hasText: "Cameras" });
  await expect(cameras).toContainText("kept", { timeout: 60_000 });
  await expect(page.locator("li[aria-current=step]", { hasText: "Splat" })).toBeVisible({ timeout: 60_000 });
  await api.cancel(id);
  await expect(page.locator(".job")).toHaveAttribute("data-status", "cancelled", { timeout: 30_000 });

  await page.getByRole("button", { name: "Delete long.mp4" }).click();
  await page.getByRole("button", { name: "Delete it" }).click();
  await expect(page).toHaveURL(`${service.address}/jobs`);
  await expect(page.locator(`[data-job="${id}"]`)).toHaveCount(0);
});
