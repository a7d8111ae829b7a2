/** Every request to the service goes through here: its address, who asks, CSRF, and errors in the service's words. */
import { apiUrl, isElsewhere } from "./address";
import { ApiError, problemFrom, UNREACHABLE } from "./problem";

const KEY = "roomsplat.key";
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

let csrf: string | null = null;
let onUnauthorized: () => void = () => undefined;

export function setCsrf(token: string | null): void {
  csrf = token;
}

/** Called once for every answer that says that nobody is signed in. */
export function whenUnauthorized(call: () => void): void {
  onUnauthorized = call;
}

/** The key of a page that is on another host than the service; it lives as long as the tab. */
export const storedKey = {
  get: (): string | null => (isElsewhere ? sessionStorage.getItem(KEY) : null),
  set: (key: string): void => sessionStorage.setItem(KEY, key),
  clear: (): void => sessionStorage.removeItem(KEY),
};

/** The headers that say who asks. */
export function authHeaders(method: string): Record<string, string> {
  const headers: Record<string, string> = {};
  const key = storedKey.get();
  if (key !== null) headers["Authorization"] = `Bearer ${key}`;
  else if (csrf !== null && !SAFE.has(method)) headers["X-CSRF-Token"] = csrf;
  return headers;
}

export interface Ask {
  method?: string;
  json?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/**
 * The answer, when it is a good one.
 *
 * @throws ApiError what the service said, or that it does not answer.
 */
export async function send(path: string, ask: Ask = {}): Promise<Response> {
  const method = ask.method ?? "GET";
  const headers: Record<string, string> = { ...ask.headers, ...authHeaders(method) };
  const init: RequestInit = { method, headers, credentials: isElsewhere ? "omit" : "same-origin" };
  if (ask.json !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(ask.json);
  }
  if (ask.signal !== undefined) init.signal = ask.signal;
  let response: Response;
  try {
    response = await fetch(apiUrl(path), init);
  } catch (error) {
    if (ask.signal?.aborted === true) throw error;
    throw new ApiError(UNREACHABLE);
  }
  if (response.ok) return response;
  const problem = problemFrom(response.status, await response.text());
  if (response.status === 401) onUnauthorized();
  throw new ApiError(problem, retryAfter(response));
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, {
    headers: { Accept: "application/json" },
    ...(signal ? { signal } : {}),
  });
  return (await response.json()) as T;
}

function retryAfter(response: Response): number | null {
  const seconds = Number(response.headers.get("Retry-After") ?? "");
  return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}
