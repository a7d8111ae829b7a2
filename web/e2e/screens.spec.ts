import { join } from "node:path";
import { Api } from "./support/api";
import { expect, QUICK, test } from "./support/fixtures";
import { serving } from "./support/process";
import { showScreen } from "./support/screens";
import { showsSplats } from "./support/viewer";

test("sign in, and nothing here yet", async ({ page, keyed }) => {
  await page.goto(keyed.address);
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await showScreen(page, "sign-in");
  await page.getByLabel("Your key").fill(keyed.keyOf("cleo"));
  await page.getByRole("button", { name: "Sign in with key" }).click();
  await expect(page.getByTestId("file-input")).toBeAttached();
  await page.goto(`${keyed.address}/jobs`);
  await expect(page.getByText("No rooms yet")).toBeVisible();
  await showScreen(page, "jobs-empty");
});

test("upload: the empty page, and a film with its settings", async ({ page, service, film }) => {
  await page.goto(service.address);
  await expect(page.getByTestId("file-input")).toBeAttached();
  await showScreen(page, "upload");
  await page.getByTestId("file-input").setInputFiles(film);
  await page.getByText("More settings").click();
  await showScreen(page, "upload-film");
});

test("my rooms, one of each kind, and each of them", async ({ page, service, film, wall, room }) => {
  const api = new Api(service.address);
  const failed = await api.upload(wall, QUICK, "wall.mp4");
  await api.until(failed, "failed");
  const live = { ...QUICK, train: { ...QUICK.train, max_steps: 90_000 }, export: { live_seconds: 1 } };
  const running = await api.upload(film, live, "bedroom.mp4");
  await api.upload(film, QUICK, "kitchen.mp4");
  await page.goto(`${service.address}/jobs/${running}`);
  await expect(page.locator(".theatre")).toHaveAttribute("data-shows", "live", { timeout: 120_000 });
  await showsSplats(page);
  await showScreen(page, "job-live");
  await page.goto(`${service.address}/jobs`);
  await expect(page.locator(".job-row")).not.toHaveCount(0);
  await showScreen(page, "jobs");
  for (const { job_id: id, status } of await api.jobs()) {
    if (status !== "completed" && status !== "failed" && status !== "cancelled") await api.cancel(id);
  }
  await api.until(running, "cancelled");
  await page.goto(`${service.address}/jobs/${failed}`);
  await expect(page.locator(".job")).toHaveAttribute("data-status", "failed");
  await showScreen(page, "job-failed");
  await page.getByRole("button", { name: "Try again" }).click();
  await showScreen(page, "job-again");
  await page.goto(`${service.address}/jobs/${room}`);
  await showsSplats(page);
  await showScreen(page, "job");
});

test("a scene from the disk, in the page and alone", async ({ page, service, room }) => {
  const scene = join(service.storage, "models", room, "scene.ply");
  await page.goto(`${service.address}/view`);
  await showScreen(page, "view-empty");
  await page.locator("input[type=file]").first().setInputFiles(scene);
  await showsSplats(page);
  await showScreen(page, "view");
  const alone = await serving(["view", scene, "--no-browser"]);
  try {
    await page.goto(alone.address);
    await showsSplats(page);
    await showScreen(page, "alone");
  } finally {
    await alone.stop();
  }
});
