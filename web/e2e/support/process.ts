/** A command that prints an address and then serves until it is told to stop. */
import { type ChildProcess, spawn } from "node:child_process";
import { PYTHON, ROOT } from "./python";

export interface Running {
  address: string;
  stop(): Promise<void>;
}

const START_MS = 60_000;
const STOP_MS = 40_000;

/** `roomsplat …`, as soon as it has printed its address. */
export function serving(args: readonly string[], env: Record<string, string> = {}): Promise<Running> {
  return running(["-m", "roomsplat", ...args], env);
}

/** A Python program, as soon as it has printed its address. */
export async function running(args: readonly string[], env: Record<string, string> = {}): Promise<Running> {
  const child = spawn(PYTHON, [...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const address = await printedAddress(child);
  return { address, stop: () => stop(child) };
}

function printedAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => fail("printed no address in time"), START_MS);
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`${child.spawnargs.join(" ")} ${why}:\n${said}`));
    };
    const hear = (piece: Buffer): void => {
      said += piece.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
      if (found) {
        clearTimeout(timer);
        resolve(found[0]);
      }
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", (code) => fail(`ended with ${code}`));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), STOP_MS);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
  child.kill("SIGTERM");
  if (!(await ended)) {
    child.kill("SIGKILL");
    throw new Error(`${child.spawnargs.join(" ")} did not stop`);
  }
}
