/** Where the service is: beside the page, or at VITE_API_URL when the page is deployed alone. */

const given = (import.meta.env["VITE_API_URL"] as string | undefined) ?? "";

export const API_BASE: string = given.replace(/\/+$/, "");

/** The page and the service are two sites: no cookie, a key in the header instead. */
export const isElsewhere: boolean = API_BASE !== "" && new URL(API_BASE).origin !== location.origin;

/** An address of the service. An absolute one is taken only if it is the service's: a key must go nowhere else. */
export function apiUrl(path: string): string {
  const base = new URL(`${API_BASE}/`, location.href);
  const url = new URL(path.startsWith("/") ? `${API_BASE}${path}` : path, base);
  if (url.origin !== base.origin) throw new Error(`${url.origin} is not the service.`);
  return url.href;
}
