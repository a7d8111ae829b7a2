/** roomsplat's own programs, for the suite. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const PYTHON = `${ROOT}.venv/bin/python`;
export const ARTEFACTS = `${ROOT}web/e2e/artefacts/`;

export function python(...args: string[]): string {
  return execFileSync(PYTHON, args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** `roomsplat …` */
export function roomsplat(...args: string[]): string {
  return python("-m", "roomsplat", ...args);
}

/** One of the commands of `engine.py`. */
export function engine(...args: string[]): string {
  return python("web/e2e/support/engine.py", ...args);
}
