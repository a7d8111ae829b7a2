/** What every test stands on: a service of its own kind, a film, and a watch over the browser. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect, type Page } from "@playwright/test";
import { Api } from "./api";
import { serving } from "./process";
import { ARTEFACTS, engine, roomsplat } from "./python";

export interface Service {
  address: string;
  storage: string;
}

interface Watch {
  /** Text that a console message may have here, because the test provokes it. */
  expected: RegExp[];
  /** Begin to watch a page that the test opened itself. */
  over(page: Page): Promise<void>;
}

interface ForEachTest {
  watch: Watch;
}

interface ForAll {
  /** Everything temporary of this run. */
  scratch: string;
  /** A film of a small room, 320 x 240, and one that no camera can be found in. */
  film: string;
  wall: string;
  /** One user, one worker, the real pipeline. */
  service: Service;
  /** A finished job of that service. */
  room: string;
  /** Users with keys, and no worker: jobs wait. */
  keyed: Service & { keyOf(name: string): string };
}

/** Settings that finish the film in seconds. */
export const QUICK = {
  engine: "cpu",
  capture: { frames: 30 },
  train: { max_steps: 150, max_gaussians: 4000, max_side: 160 },
  export: { tour_seconds: 0.5 },
};

export const test = base.extend<ForEachTest, ForAll>({
  scratch: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures from this pattern
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "roomsplat-web-"));
      mkdirSync(ARTEFACTS, { recursive: true });
      await use(folder);
      rmSync(folder, { recursive: true, force: true });
    },
    { scope: "worker" },
  ],
  film: [async ({ scratch }, use) => use(filmed(scratch, "film")), { scope: "worker" }],
  wall: [async ({ scratch }, use) => use(filmed(scratch, "wall")), { scope: "worker" }],
  service: [
    async ({ scratch }, use) => {
      const storage = join(scratch, "one");
      const running = await serving(["serve", "--port", "0", "--storage", storage, "--devices", "cpu"]);
      await use({ address: running.address, storage });
      await running.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],
  room: [
    async ({ service, film }, use) => {
      const api = new Api(service.address);
      const id = await api.upload(film, QUICK, "room.mp4");
      await api.until(id, "completed");
      await use(id);
    },
    { scope: "worker", timeout: 180_000 },
  ],
  keyed: [
    async ({ scratch }, use) => {
      const storage = join(scratch, "many");
      const running = await serving([
        "serve",
        "--port",
        "0",
        "--storage",
        storage,
        "--auth",
        "keys",
        "--no-worker",
      ]);
      const keyOf = (name: string): string => {
        const key = /rsk_\S+/.exec(roomsplat("keys", "create", name, "--storage", storage));
        if (key === null) throw new Error("keys create printed no key");
        return key[0];
      };
      await use({ address: running.address, storage, keyOf });
      await running.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],
  watch: [
    async ({ page }, use) => {
      const expected: RegExp[] = [];
      const wrong: string[] = [];
      const over = (watched: Page): Promise<void> => watchOver(watched, wrong);
      await over(page);
      await use({ expected, over });
      expect(wrong.filter((line) => !expected.some((pattern) => pattern.test(line)))).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

function filmed(scratch: string, kind: "film" | "wall"): string {
  const path = join(scratch, `${kind}.mp4`);
  engine(kind, path);
  return path;
}

/** Errors of the page, messages of the browser about it, and requests to anybody but this computer. */
async function watchOver(page: Page, wrong: string[]): Promise<void> {
  page.on("pageerror", (error) => wrong.push(`uncaught: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      wrong.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  await page.context().route(
    (url) => url.protocol.startsWith("http") && url.hostname !== "127.0.0.1",
    async (route) => {
      wrong.push(`a request to ${route.request().url()}`);
      await route.abort();
    },
  );
}
