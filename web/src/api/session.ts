/** Who is signed in. */
import { isElsewhere } from "./address";
import { getJson, send, setCsrf, storedKey } from "./client";
import { ApiError } from "./problem";
import type { Session } from "./types";

export async function readSession(): Promise<Session> {
  return keep(await getJson<Session>("/api/session"));
}

/**
 * Signs in with a key. On the service's own host the browser keeps a cookie; on another one this tab keeps the key.
 *
 * @throws ApiError the key is not known.
 */
export async function signInWithKey(key: string): Promise<Session> {
  if (isElsewhere) {
    storedKey.set(key);
    const session = await readSession();
    if (session.user === null) {
      storedKey.clear();
      throw new ApiError({
        status: 401,
        code: "unauthorized",
        detail: "This key is not known.",
        hint: "Copy it once more, without spaces.",
      });
    }
    return session;
  }
  const response = await send("/api/session", { method: "POST", json: { key } });
  return keep((await response.json()) as Session);
}

export async function signOut(): Promise<Session> {
  if (isElsewhere) storedKey.clear();
  else await send("/api/session", { method: "DELETE" });
  return readSession();
}

function keep(session: Session): Session {
  setCsrf(session.csrf);
  return session;
}
