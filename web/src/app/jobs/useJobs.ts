import { useCallback, useEffect, useRef, useState } from "react";
import { followJob, type StreamState } from "../../api/events";
import { listJobs } from "../../api/jobs";
import { type ApiError, asApiError } from "../../api/problem";
import { hasEnded, type Job } from "../../api/types";
import { EMPTY_STORY, type Story, tell } from "../job/story";
import { useInterval, useThrottled, useVisible } from "../live/hooks";
import { isRunning } from "../live/words";

// A browser opens six connections to a host over HTTP/1.1; the rest must stay free for everything else.
const MAX_STREAMS = 2;
const POLL_MS = 3000;
const IDLE_MS = 20_000;
const AT_MOST_EVERY_MS = 1500;

export interface Jobs {
  /** Null until the first answer. */
  jobs: readonly Job[] | null;
  error: ApiError | null;
  hasMore: boolean;
  more(): void;
  reload(): void;
  secondsLeft(id: string): number | null;
}

/** The user's jobs, newest first, kept up to date by streams, or by asking where there is no stream. */
export function useJobs(): Jobs {
  const [jobs, setJobs] = useState<readonly Job[] | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const visible = useVisible();

  const load = useCallback(async () => {
    try {
      const page = await listJobs();
      setJobs((known) => merge(page.items, known, page.next_cursor !== null));
      setCursor((known) => known ?? page.next_cursor);
      setError(null);
    } catch (failure) {
      setError(asApiError(failure));
    }
  }, []);
  const reload = useThrottled(() => void load(), AT_MOST_EVERY_MS);
  useEffect(() => {
    if (visible) void load();
  }, [visible, load]);

  const running = (jobs ?? []).filter(isRunning).slice(0, MAX_STREAMS);
  const { stories, alive } = useStreams(visible ? running.map((job) => job.job_id).join(" ") : "", reload);
  const active = (jobs ?? []).some((job) => !hasEnded(job));
  const streamed =
    running.length > 0 && alive && jobs?.filter((job) => !hasEnded(job)).length === running.length;
  const pace = active && !streamed ? POLL_MS : IDLE_MS;
  useInterval(reload, visible ? pace : null);

  const more = () => {
    if (cursor === null) return;
    listJobs(cursor).then(
      (page) => {
        setJobs((known) => merge(known ?? [], page.items, true));
        setCursor(page.next_cursor);
      },
      (failure: unknown) => setError(asApiError(failure)),
    );
  };
  const secondsLeft = (id: string) => stories[id]?.secondsLeft ?? null;
  return { jobs, error, hasMore: cursor !== null, more, reload, secondsLeft };
}

/** The first list, then those of the second that it does not hold; alone, if the first is all there is. */
function merge(first: readonly Job[], second: readonly Job[] | null, more: boolean): readonly Job[] {
  if (second === null || !more) return first;
  const known = new Set(first.map((job) => job.job_id));
  return [...first, ...second.filter((job) => !known.has(job.job_id))];
}

function useStreams(ids: string, onNews: () => void) {
  const [stories, setStories] = useState<Readonly<Record<string, Story>>>({});
  const [states, setStates] = useState<Readonly<Record<string, StreamState>>>({});
  const latest = useRef(stories);
  latest.current = stories;
  useEffect(() => {
    const stops = ids.split(" ").flatMap((id) => {
      if (id === "") return [];
      const stop = followJob(
        id,
        {
          onEvents: (events) => {
            setStories((all) => ({ ...all, [id]: tell(all[id] ?? EMPTY_STORY, events) }));
            onNews();
          },
          onState: (state) => {
            setStates((all) => ({ ...all, [id]: state }));
            if (state === "ended") onNews();
          },
        },
        latest.current[id]?.lastId ?? 0,
      );
      return [stop];
    });
    return () => {
      for (const stop of stops) stop();
    };
  }, [ids, onNews]);
  const alive = ids.split(" ").every((id) => states[id] === "live");
  return { stories, alive };
}
