/** What can be asked about jobs, and done to them. */
import { getJson, send } from "./client";
import type { Job, JobConfig, JobFile, JobList, Limits } from "./types";

const one = (id: string): string => `/api/jobs/${encodeURIComponent(id)}`;

export const readLimits = (): Promise<Limits> => getJson<Limits>("/api/limits");

export function listJobs(cursor: string | null = null, signal?: AbortSignal): Promise<JobList> {
  const query = cursor === null ? "?limit=30" : `?limit=30&cursor=${encodeURIComponent(cursor)}`;
  return getJson<JobList>(`/api/jobs${query}`, signal);
}

export const readJob = (id: string, signal?: AbortSignal): Promise<Job> => getJson<Job>(one(id), signal);

export async function cancelJob(id: string): Promise<Job> {
  return (await (await send(`${one(id)}/cancel`, { method: "POST" })).json()) as Job;
}

export async function retryJob(id: string, config: JobConfig | null): Promise<Job> {
  const ask = config === null ? { method: "POST" } : { method: "POST", json: { config } };
  return (await (await send(`${one(id)}/retry`, ask)).json()) as Job;
}

export async function deleteJob(id: string): Promise<void> {
  await send(one(id), { method: "DELETE" });
}

export async function listFiles(id: string, signal?: AbortSignal): Promise<readonly JobFile[]> {
  return (await getJson<{ items: JobFile[] }>(`${one(id)}/files`, signal)).items;
}

export const fileUrl = (id: string, name: string): string =>
  `${one(id)}/files/${name.split("/").map(encodeURIComponent).join("/")}`;
