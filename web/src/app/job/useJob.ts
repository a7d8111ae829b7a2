import { useCallback, useEffect, useState } from "react";
import { followJob, type StreamState } from "../../api/events";
import { readJob } from "../../api/jobs";
import { type ApiError, asApiError } from "../../api/problem";
import { hasEnded, type Job } from "../../api/types";
import { useInterval, useThrottled, useVisible } from "../live/hooks";
import { EMPTY_STORY, type Story, tell } from "./story";

const AT_MOST_EVERY_MS = 1500;
const POLL_MS = 3000;

export interface JobNow {
  job: Job | null;
  story: Story;
  stream: StreamState;
  error: ApiError | null;
  /** After something was done to the job: follow it anew. */
  changed(job: Job): void;
}

/** One job with its story, kept up to date by its stream of events; by asking, where the stream is lost. */
export function useJob(id: string): JobNow {
  const [job, setJob] = useState<Job | null>(null);
  const [story, setStory] = useState<Story>(EMPTY_STORY);
  const [stream, setStream] = useState<StreamState>("connecting");
  const [error, setError] = useState<ApiError | null>(null);
  const [life, setLife] = useState(0);
  const visible = useVisible();

  const read = useCallback(async () => {
    try {
      setJob(await readJob(id));
      setError(null);
    } catch (failure) {
      setError(asApiError(failure));
    }
  }, [id]);
  const reread = useThrottled(() => void read(), AT_MOST_EVERY_MS);
  useEffect(() => {
    if (visible) void read();
  }, [visible, read]);

  useEffect(() => {
    if (!visible || life < 0) return;
    let told = EMPTY_STORY;
    return followJob(id, {
      onEvents: (events) => {
        told = tell(told, events);
        setStory(told);
        reread();
      },
      onState: (state) => {
        setStream(state);
        if (state === "ended") reread();
      },
    });
  }, [id, life, visible, reread]);

  const waits = job !== null && !hasEnded(job) && (stream !== "live" || job.status === "pending");
  const lost = job === null && error !== null && error.status !== 404;
  useInterval(reread, visible && (waits || lost) ? POLL_MS : null);

  const changed = (next: Job) => {
    setJob(next);
    setLife((count) => count + 1);
  };
  return { job, story, stream, error, changed };
}
