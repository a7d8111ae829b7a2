/** Who is signed in decides what is shown: the sign-in, or the screen of the address. */
import { useCallback, useEffect, useMemo, useState } from "react";
import { whenUnauthorized } from "../api/client";
import { readLimits } from "../api/jobs";
import { type ApiError, asApiError } from "../api/problem";
import { readSession, signOut } from "../api/session";
import type { Limits, Session } from "../api/types";
import { Button, Problem, Spinner } from "../design/components";
import { JobScreen } from "./job/JobScreen";
import { JobsScreen } from "./jobs/JobsScreen";
import { OpenScreen } from "./open/OpenScreen";
import { go, type Route, routeOf, usePath } from "./router";
import { SignedContext } from "./session/context";
import { SignIn } from "./session/SignIn";
import { DropAnywhere } from "./shell/DropAnywhere";
import { Shell } from "./shell/Shell";
import { Unknown } from "./shell/Unknown";
import { isScene, type Refusal, refusalOf } from "./upload/film";
import { UploadQueue } from "./upload/queue";
import { tusCourier } from "./upload/transfer";
import { UploadScreen } from "./upload/UploadScreen";

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const look = useCallback(() => {
    readSession().then(
      (found) => {
        setSession(found);
        setError(null);
      },
      (failure: unknown) => setError(asApiError(failure)),
    );
  }, []);
  useEffect(() => {
    whenUnauthorized(look);
    look();
  }, [look]);

  const leave = () => {
    signOut().then(setSession, (failure: unknown) => setError(asApiError(failure)));
    go("/");
  };
  if (session === null || (error !== null && session.user === null)) {
    return (
      <Shell>
        {error === null ? (
          <Spinner label="Asking the service" />
        ) : (
          <Problem error={error}>
            <Button onClick={look}>Try again</Button>
          </Problem>
        )}
      </Shell>
    );
  }
  if (session.user === null) {
    return (
      <Shell>
        <SignIn session={session} onSignedIn={setSession} />
      </Shell>
    );
  }
  return <SignedIn key={session.user.id} session={session} userId={session.user.id} onSignOut={leave} />;
}

interface SignedInProps {
  session: Session;
  userId: string;
  onSignOut(): void;
}

function SignedIn({ session, userId, onSignOut }: SignedInProps) {
  const route = routeOf(usePath());
  const uploads = useMemo(() => new UploadQueue(tusCourier(userId)), [userId]);
  const [limits, setLimits] = useState<Limits | null>(null);
  const [scene, setScene] = useState<File | null>(null);
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  useEffect(() => {
    readLimits().then(setLimits, () => undefined); // without them the service itself refuses what is too large
    void uploads.look();
    const online = () => uploads.resumeLost();
    addEventListener("online", online);
    return () => removeEventListener("online", online);
  }, [uploads]);

  const take = async (files: readonly File[]) => {
    const opened = files.find(isScene);
    if (opened !== undefined) {
      setScene(opened);
      go("/view");
      return;
    }
    go("/");
    const refused: Refusal[] = [];
    for (const file of files) {
      const refusal = await refusalOf(file, limits);
      if (refusal === null) await uploads.add(file);
      else refused.push(refusal);
    }
    setRefusals(refused);
  };
  const signed = { session, limits, uploads, refusals, take: (files: readonly File[]) => void take(files) };
  return (
    <SignedContext value={signed}>
      <Shell onSignOut={onSignOut}>
        <Screen route={route} scene={scene} />
      </Shell>
      <DropAnywhere />
    </SignedContext>
  );
}

function Screen({ route, scene }: { route: Route; scene: File | null }) {
  switch (route.screen) {
    case "upload":
      return <UploadScreen />;
    case "jobs":
      return <JobsScreen />;
    case "job":
      return <JobScreen key={route.id} id={route.id} />;
    case "view":
      return <OpenScreen scene={scene} />;
    case "unknown":
      return <Unknown />;
  }
}
