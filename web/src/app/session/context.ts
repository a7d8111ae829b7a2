import { createContext, useContext } from "react";
import type { Limits, Session } from "../../api/types";
import type { Refusal } from "../upload/film";
import type { UploadQueue } from "../upload/queue";

/** What every screen may use once somebody is signed in. */
export interface Signed {
  session: Session;
  limits: Limits | null;
  uploads: UploadQueue;
  /** Files of the last choice that are no good. */
  refusals: readonly Refusal[];
  /** Takes chosen or dropped files: films are made ready to send, a scene is opened in the viewer. */
  take(files: readonly File[]): void;
}

export const SignedContext = createContext<Signed | null>(null);

/** Null while nobody is signed in. */
export const useMaybeSigned = (): Signed | null => useContext(SignedContext);

export function useSigned(): Signed {
  const signed = useContext(SignedContext);
  if (signed === null) throw new Error("This screen is only for somebody who is signed in.");
  return signed;
}
