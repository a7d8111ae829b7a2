import { useState } from "react";
import { apiUrl, isElsewhere } from "../../api/address";
import { type ApiError, asApiError } from "../../api/problem";
import { signInWithKey } from "../../api/session";
import type { Session } from "../../api/types";
import { Button, Problem } from "../../design/components";

interface SignInProps {
  session: Session;
  onSignedIn(session: Session): void;
}

export function SignIn({ session, onSignedIn }: SignInProps) {
  // The provider comes back to the service with a cookie, which a page on another host cannot use.
  const provider = session.login_url !== null && !isElsewhere ? session.login_url : null;
  const next = location.pathname === "/sign-in" ? "/" : location.pathname;
  return (
    <section className="sign-in card">
      <h1>Sign in</h1>
      {provider !== null && (
        <>
          <a className="button primary" href={apiUrl(withNext(provider, next))}>
            Go on to sign in
          </a>
          <p className="quiet small or">or with a key</p>
        </>
      )}
      <KeyForm onSignedIn={onSignedIn} />
    </section>
  );
}

function KeyForm({ onSignedIn }: { onSignedIn(session: Session): void }) {
  const [key, setKey] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      onSignedIn(await signInWithKey(key.trim()));
    } catch (failure) {
      setError(asApiError(failure));
    }
    setBusy(false);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className="field">
        <label htmlFor="key">Your key</label>
        <input
          id="key"
          className="input mono"
          type="password"
          autoComplete="current-password"
          placeholder="rsk_…"
          value={key}
          onChange={(event) => setKey(event.target.value)}
          required
        />
        <p className="quiet small">
          Whoever runs this service makes keys with <code>roomsplat keys create</code>.
        </p>
      </div>
      {error !== null && <Problem error={error} />}
      <Button type="submit" look="primary" disabled={busy || key.trim() === ""}>
        {busy ? "Signing in" : "Sign in with key"}
      </Button>
    </form>
  );
}

function withNext(loginUrl: string, next: string): string {
  if (/[?&]next=/.test(loginUrl)) return loginUrl;
  return `${loginUrl}${loginUrl.includes("?") ? "&" : "?"}next=${encodeURIComponent(next)}`;
}
