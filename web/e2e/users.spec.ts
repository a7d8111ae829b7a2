import type { Browser, Page } from "@playwright/test";
import { Api } from "./support/api";
import { expect, QUICK, test } from "./support/fixtures";
import { hasNoBarriers } from "./support/screens";

test("two users in two browsers never see each other's rooms", async ({ browser, keyed, film, watch }) => {
  const keys = { ada: keyed.keyOf("ada"), bob: keyed.keyOf("bob") };
  const adas = await new Api(keyed.address, keys.ada).upload(film, QUICK, "adas-room.mp4");
  const ada = await signedIn(browser, keyed.address, keys.ada, watch.over);
  const bob = await signedIn(browser, keyed.address, keys.bob, watch.over);

  await ada.goto(`${keyed.address}/jobs`);
  await expect(ada.getByText("adas-room.mp4")).toBeVisible();
  await bob.goto(`${keyed.address}/jobs`);
  await expect(bob.getByText("No rooms yet")).toBeVisible();

  watch.expected.push(/status of 404 .*\/api\/jobs\//); // the browser's own note about what bob asks for
  await bob.goto(`${keyed.address}/jobs/${adas}`);
  await expect(bob.getByRole("heading", { name: "There is nothing at this address." })).toBeVisible();
  await expect(bob.getByText("adas-room.mp4")).toHaveCount(0);

  // through the page, with its cookie and its CSRF token, a room of one's own can be thrown away
  await ada.getByRole("button", { name: "Delete adas-room.mp4" }).click();
  await ada.getByRole("button", { name: "Delete it" }).click();
  await expect(ada.getByText("No rooms yet")).toBeVisible();
  expect(await new Api(keyed.address, keys.ada).jobs()).toEqual([]);

  await ada.getByRole("button", { name: "Sign out" }).click();
  await expect(ada.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await ada.goto(`${keyed.address}/jobs`);
  await expect(ada.getByRole("heading", { name: "Sign in" })).toBeVisible();
  for (const page of [ada, bob]) await page.context().close();
});

test("a wrong key is told, in the service's words", async ({ page, keyed, watch }) => {
  watch.expected.push(/status of 401 .*\/api\/session/);
  await page.goto(keyed.address);
  await hasNoBarriers(page);
  await page.getByLabel("Your key").fill("rsk_this-is-nobodys");
  await page.getByRole("button", { name: "Sign in with key" }).click();
  await expect(page.getByRole("alert")).toContainText("key");
});

async function signedIn(
  browser: Browser,
  address: string,
  key: string,
  watched: (page: Page) => Promise<void>,
): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await watched(page);
  await page.goto(address);
  await page.getByLabel("Your key").fill(key);
  await page.getByRole("button", { name: "Sign in with key" }).click();
  await expect(page.getByTestId("file-input")).toBeAttached();
  return page;
}
