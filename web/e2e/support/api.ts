/** The service's API as a program uses it: to make what a test needs, and to look behind the page. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect } from "@playwright/test";

export interface JobState {
  job_id: string;
  status: string;
  error: { code: string; message: string; hint: string } | null;
}

export class Api {
  readonly #address: string;
  readonly #headers: Record<string, string>;

  constructor(address: string, key?: string) {
    this.#address = address;
    this.#headers = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  }

  async #ask(path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await fetch(this.#address + path, { ...init, headers: { ...this.#headers } });
    if (!answer.ok)
      throw new Error(`${init.method ?? "GET"} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async upload(film: string, config: object, name = basename(film)): Promise<string> {
    const form = new FormData();
    form.set("file", new Blob([readFileSync(film)], { type: "video/mp4" }), name);
    form.set("config", JSON.stringify(config));
    const answer = await this.#ask("/api/jobs/upload", { method: "POST", body: form });
    return ((await answer.json()) as JobState).job_id;
  }

  async job(id: string): Promise<JobState> {
    return (await (await this.#ask(`/api/jobs/${id}`)).json()) as JobState;
  }

  async jobs(): Promise<JobState[]> {
    return ((await (await this.#ask("/api/jobs")).json()) as { items: JobState[] }).items;
  }

  async cancel(id: string): Promise<void> {
    await this.#ask(`/api/jobs/${id}/cancel`, { method: "POST" });
  }

  async json(path: string): Promise<unknown> {
    return (await this.#ask(path)).json();
  }

  async until(id: string, ...wanted: string[]): Promise<JobState> {
    let last: JobState | undefined;
    await expect
      .poll(
        async () => {
          last = await this.job(id);
          return wanted.includes(last.status) ? "there" : `${last.status} ${last.error?.message ?? ""}`;
        },
        { timeout: 150_000, intervals: [300] },
      )
      .toBe("there");
    if (last === undefined) throw new Error("never asked");
    return last;
  }
}
