/** The films that are being sent: one after the other, each can pause, all go on while other screens are open. */
import { type ApiError, asApiError } from "../../api/problem";
import type { JobConfig } from "../../api/types";
import { Speed } from "./speed";
import type { Courier, Transfer, Unfinished } from "./transfer";

export type UploadState = "ready" | "waiting" | "uploading" | "paused" | "done" | "failed";

export interface UploadItem {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly state: UploadState;
  readonly sent: number;
  /** Bytes a second; null while it is too early to say. */
  readonly rate: number | null;
  readonly error: ApiError | null;
  readonly jobId: string | null;
}

export interface UploadList {
  readonly items: readonly UploadItem[];
  readonly unfinished: readonly Unfinished[];
}

interface Entry {
  file: File;
  transfer: Transfer | null;
  config: JobConfig;
  speed: Speed;
}

export class UploadQueue {
  #list: UploadList = { items: [], unfinished: [] };
  readonly #entries = new Map<number, Entry>();
  readonly #listeners = new Set<() => void>();
  readonly #courier: Courier;
  readonly #now: () => number;
  #next = 1;

  constructor(courier: Courier, now: () => number = () => performance.now()) {
    this.#courier = courier;
    this.#now = now;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): UploadList => this.#list;

  /** What an earlier visit left; asks the service how much of it is there. */
  async look(): Promise<void> {
    const unfinished = await this.#courier.unfinished().catch(() => []);
    if (
      this.#list.items.every(
        (item) => item.state === "done" || item.state === "failed" || item.state === "ready",
      )
    ) {
      this.#set({ unfinished });
    }
  }

  /** Takes a film. One that was begun earlier goes on at once, with the settings it was begun with. */
  async add(file: File): Promise<void> {
    const fingerprint = await this.#courier.fingerprint(file);
    const left = this.#list.unfinished.find((upload) => upload.fingerprint === fingerprint);
    const id = this.#next;
    this.#next += 1;
    this.#entries.set(id, { file, transfer: null, config: {}, speed: new Speed() });
    const item: UploadItem = {
      id,
      name: file.name,
      size: file.size,
      state: left === undefined ? "ready" : "waiting",
      sent: left?.sent ?? 0,
      rate: null,
      error: null,
      jobId: null,
    };
    const unfinished = this.#list.unfinished.filter((upload) => upload !== left);
    this.#set({ items: [...this.#list.items, item], unfinished });
    this.#advance();
  }

  /** Sends everything that is ready, with these settings. */
  start(config: JobConfig): void {
    for (const item of this.#list.items) {
      if (item.state !== "ready") continue;
      const entry = this.#entries.get(item.id);
      if (entry !== undefined) entry.config = config;
      this.#change(item.id, { state: "waiting" });
    }
    this.#advance();
  }

  pause(id: number): void {
    this.#entries.get(id)?.transfer?.pause();
    this.#change(id, { state: "paused", rate: null });
    this.#advance();
  }

  /** Goes on with a paused film, or tries a failed one again. */
  resume(id: number): void {
    this.#change(id, { state: "waiting", error: null });
    this.#advance();
  }

  /** Goes on with everything that only the connection stopped. */
  resumeLost(): void {
    for (const item of this.#list.items) if (item.error?.code === "unreachable") this.resume(item.id);
  }

  /** Takes it off the list; what is not done is given up. */
  remove(id: number): void {
    const item = this.#list.items.find((one) => one.id === id);
    if (item !== undefined && item.state !== "done") this.#entries.get(id)?.transfer?.cancel();
    this.#entries.delete(id);
    this.#set({ items: this.#list.items.filter((one) => one.id !== id) });
    this.#advance();
  }

  async discard(left: Unfinished): Promise<void> {
    this.#set({ unfinished: this.#list.unfinished.filter((upload) => upload !== left) });
    await this.#courier.discard(left);
  }

  #advance(): void {
    if (this.#list.items.some((item) => item.state === "uploading")) return;
    const next = this.#list.items.find((item) => item.state === "waiting");
    const entry = next && this.#entries.get(next.id);
    if (next === undefined || entry === undefined) return;
    entry.speed.clear();
    this.#change(next.id, { state: "uploading", rate: null });
    entry.transfer ??= this.#open(next.id, entry);
    entry.transfer.start();
  }

  #open(id: number, entry: Entry): Transfer {
    return this.#courier.open(entry.file, entry.config, {
      onProgress: (sent) => {
        entry.speed.add(this.#now(), sent);
        this.#change(id, { sent, rate: entry.speed.rate });
      },
      onDone: (jobId) => {
        this.#change(id, { state: "done", sent: entry.file.size, rate: null, jobId });
        this.#advance();
      },
      onError: (error) => {
        this.#change(id, { state: "failed", rate: null, error: asApiError(error) });
        this.#advance();
      },
    });
  }

  #change(id: number, change: Partial<UploadItem>): void {
    const items = this.#list.items.map((item) => (item.id === id ? { ...item, ...change } : item));
    this.#set({ items });
  }

  #set(change: Partial<UploadList>): void {
    this.#list = { ...this.#list, ...change };
    for (const listener of this.#listeners) listener();
  }
}
