/** The page's addresses. The service answers each with the same index.html (server/routes/page.py). */
import { useSyncExternalStore } from "react";

export type Route =
  | { screen: "upload" }
  | { screen: "jobs" }
  | { screen: "job"; id: string }
  | { screen: "view" }
  | { screen: "unknown" };

export function routeOf(path: string): Route {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length === 0 || path === "/sign-in") return { screen: "upload" };
  if (parts[0] === "jobs" && parts.length === 1) return { screen: "jobs" };
  if (parts[0] === "jobs" && parts.length === 2) return { screen: "job", id: decode(parts[1] ?? "") };
  if (parts[0] === "view" && parts.length === 1) return { screen: "view" };
  return { screen: "unknown" };
}

export const jobPath = (id: string): string => `/jobs/${encodeURIComponent(id)}`;

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}

export function go(path: string, how: "push" | "replace" = "push"): void {
  if (path === location.pathname) return;
  if (how === "push") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  scrollTo(0, 0);
  for (const listener of listeners) listener();
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // "%" alone: no job is called so, and the service says it
  }
}
