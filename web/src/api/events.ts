/** A job's events as they happen: server-sent events by fetch, because EventSource can send no key. */
import { send } from "./client";
import { ApiError, isRecord } from "./problem";
import type { JobEvent } from "./types";

/** One message of a stream. */
export interface Message {
  id: string;
  data: string;
}

/** Takes the bytes of a stream in any pieces and gives its messages. */
export class MessageParser {
  #rest = "";
  #id = "";
  #data: string[] = [];

  /** The messages that are complete with this piece. */
  push(piece: string): Message[] {
    const found: Message[] = [];
    this.#rest += piece;
    // A lone CR at the end may be the first half of CRLF: it waits for the next piece.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) found.push({ id: this.#id, data: this.#data.join("\n") });
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "id") this.#id = value;
      if (field === "data") this.#data.push(value);
    }
    return found;
  }
}

export type StreamState = "connecting" | "live" | "lost" | "ended";

export interface Follower {
  /** Events in order; many at once when a stream is replayed. */
  onEvents(events: readonly JobEvent[]): void;
  onState?(state: StreamState): void;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;

/** Follows a job until it ends or the returned function is called; comes back by itself with Last-Event-ID. */
export function followJob(id: string, follower: Follower, after = 0): () => void {
  const control = new AbortController();
  void follow(id, follower, after, control.signal);
  return () => control.abort();
}

async function follow(id: string, follower: Follower, after: number, signal: AbortSignal): Promise<void> {
  let last = String(after);
  let failures = 0;
  const tell = (state: StreamState): void => {
    if (!signal.aborted) follower.onState?.(state);
  };
  tell("connecting");
  while (!signal.aborted) {
    try {
      const response = await send(`/api/jobs/${encodeURIComponent(id)}/events`, {
        headers: { Accept: "text/event-stream", "Last-Event-ID": last },
        signal,
      });
      if (response.status === 204 || response.body === null) return tell("ended");
      tell("live");
      await read(response.body, signal, (events) => {
        failures = 0;
        last = String(events[events.length - 1]?.id ?? last);
        follower.onEvents(events);
      });
      // The stream ended in good order: the service stopped, or the job did, which the next answer (204) tells.
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && (error.status === 401 || error.status === 404)) return tell("ended");
      tell("lost");
      failures += 1;
      await pause(waitMs(failures, error), signal);
      continue;
    }
    await pause(FIRST_WAIT_MS / 4, signal);
  }
}

function waitMs(failures: number, error: unknown): number {
  if (error instanceof ApiError && error.retryAfterSeconds !== null) return error.retryAfterSeconds * 1000;
  return Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
}

async function read(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  onEvents: (events: JobEvent[]) => void,
): Promise<void> {
  const parser = new MessageParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  while (!signal.aborted) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = parser.push(decoder.decode(value, { stream: true })).flatMap(eventOf);
    if (events.length > 0 && !signal.aborted) onEvents(events);
  }
}

function eventOf(message: Message): JobEvent[] {
  const said: unknown = JSON.parse(message.data);
  return isRecord(said) && typeof said["kind"] === "string" ? [said as unknown as JobEvent] : [];
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
