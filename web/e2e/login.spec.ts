import { join } from "node:path";
import { expect, test } from "./support/fixtures";
import { running, serving } from "./support/process";
import { hasNoBarriers } from "./support/screens";

test("signing in at an issuer of logins, and out again", async ({ page, scratch }) => {
  const issuer = await running(["-m", "web.e2e.support.issuer"]);
  const service = await serving(["serve", "--port", "0", "--storage", join(scratch, "oidc"), "--no-worker"], {
    ROOMSPLAT_AUTH: "oidc",
    ROOMSPLAT_OIDC_ISSUER: issuer.address,
    ROOMSPLAT_OIDC_CLIENT_ID: "roomsplat",
    ROOMSPLAT_OIDC_CLIENT_SECRET: "kept between the two",
  });
  try {
    await page.goto(`${service.address}/jobs`);
    await hasNoBarriers(page);
    await page.getByRole("link", { name: "Go on to sign in" }).click();
    await expect(page).toHaveURL(`${service.address}/jobs`);
    await expect(page.getByText("No rooms yet")).toBeVisible();
    await expect(page.getByTitle("Ada")).toBeVisible();
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  } finally {
    await service.stop();
    await issuer.stop();
  }
});
