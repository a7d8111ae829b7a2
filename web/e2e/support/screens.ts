/** Each screen is looked at: by axe for barriers, and as pictures for people (web/e2e/artefacts). */
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { ARTEFACTS } from "./python";

const SIZES = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

/** No barrier that axe calls serious or critical. */
export async function hasNoBarriers(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = grave.map(
    ({ id, help, nodes }) => `${id}: ${help} (${nodes.map((node) => node.target).join("; ")})`,
  );
  expect(told).toEqual([]);
}

/** Pictures of the screen in light and dark, wide and narrow; nothing may stick out sideways, nor be a barrier. */
export async function showScreen(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const size of SIZES) {
      await page.setViewportSize(size);
      await page.evaluate(
        () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
      );
      await page.screenshot({
        path: join(ARTEFACTS, `${name}-${colorScheme}-${size.width}.png`),
        fullPage: true,
      });
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(beyond, `${name} sticks out sideways at ${size.width} px`).toBeLessThanOrEqual(0);
    }
    await hasNoBarriers(page);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
  await page.setViewportSize({ width: 1280, height: 800 });
}
