/** One file on its way, over tus 1.0. The only module that talks to tus-js-client. */
import { type DetailedError, defaultOptions, type HttpResponse, Upload } from "tus-js-client";
import { apiUrl } from "../../api/address";
import { authHeaders, send } from "../../api/client";
import { ApiError, asApiError, problemFrom, UNREACHABLE, worthTryingAgain } from "../../api/problem";
import type { JobConfig } from "../../api/types";
import { fingerprintOf, prefixFor } from "./fingerprint";

const ENDPOINT = "/api/uploads";
const JOB_HEADER = "Roomsplat-Job-Id";
const CHUNK_BYTES = 32 * 1024 * 1024; // below the limit that most proxies set for one request
const RETRY_MS = [500, 1000, 3000, 5000, 10_000, 20_000];
const GONE = new Set([403, 404, 410]);

export interface TransferListener {
  onProgress(sent: number): void;
  onDone(jobId: string): void;
  onError(error: ApiError): void;
}

export interface Transfer {
  start(): void;
  pause(): void;
  /** Gives it up, here and at the service. */
  cancel(): void;
}

/** What a reload, or a lost connection, left. */
export interface Unfinished {
  key: string;
  fingerprint: string;
  name: string;
  size: number;
  sent: number;
  url: string;
}

/** What the uploads need of the outside. */
export interface Courier {
  open(file: File, config: JobConfig, listener: TransferListener): Transfer;
  fingerprint(file: File): Promise<string>;
  unfinished(): Promise<Unfinished[]>;
  discard(left: Unfinished): Promise<void>;
}

/** Sends to the service; remembers in this browser what is on its way, for each user apart. */
export function tusCourier(userId: string): Courier {
  const prefix = prefixFor(userId, apiUrl(ENDPOINT));
  const fingerprint = async (file: File): Promise<string> => prefix + (await fingerprintOf(file));
  return {
    open: (file, config, listener) => open(file, config, listener, fingerprint),
    fingerprint,
    unfinished: () => unfinished(prefix),
    discard: async (left) => {
      await defaultOptions.urlStorage.removeUpload(left.key);
      await send(left.url, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } }).catch(
        () => undefined,
      );
    },
  };
}

function open(
  file: File,
  config: JobConfig,
  listener: TransferListener,
  fingerprint: (file: File) => Promise<string>,
): Transfer {
  let jobId: string | null = null;
  const upload = new Upload(file, {
    endpoint: apiUrl(ENDPOINT),
    metadata: { filename: file.name, config: JSON.stringify(config) },
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_MS,
    fingerprint,
    storeFingerprintForResuming: true,
    removeFingerprintOnSuccess: true,
    onBeforeRequest: (request) => {
      for (const [name, value] of Object.entries(authHeaders(request.getMethod())))
        request.setHeader(name, value);
    },
    onAfterResponse: (_request, response) => {
      jobId = response.getHeader(JOB_HEADER) ?? jobId;
    },
    onProgress: (sent) => listener.onProgress(sent),
    onSuccess: () => listener.onDone(jobId ?? (upload.url ?? "").replace(/.*\//, "")), // an upload's id is its job's
    onError: (error) => {
      const said = errorOf(error);
      if (!worthTryingAgain(said)) void forget(file, fingerprint);
      listener.onError(said);
    },
  });
  let begun = false;
  return {
    start: () => {
      if (begun) return upload.start();
      begun = true;
      void resume(upload).catch((error: unknown) => listener.onError(asApiError(error)));
    },
    pause: () => void upload.abort(),
    cancel: () => void upload.abort(upload.url !== null).catch(() => undefined),
  };
}

/** A film that the service refused is refused again; it keeps nothing of it, so neither do we. */
async function forget(file: File, fingerprint: (file: File) => Promise<string>): Promise<void> {
  const { urlStorage } = defaultOptions;
  for (const upload of await urlStorage.findUploadsByFingerprint(await fingerprint(file))) {
    await urlStorage.removeUpload(upload.urlStorageKey);
  }
}

async function resume(upload: Upload): Promise<void> {
  const earlier = await upload.findPreviousUploads();
  const last = earlier.sort((a, b) => b.creationTime.localeCompare(a.creationTime))[0];
  if (last !== undefined) upload.resumeFromPreviousUpload(last);
  upload.start();
}

async function unfinished(prefix: string): Promise<Unfinished[]> {
  const found: Unfinished[] = [];
  for (const upload of await defaultOptions.urlStorage.findAllUploads()) {
    const { uploadUrl, urlStorageKey, size, metadata } = upload;
    const fingerprint = urlStorageKey.replace(/^tus::/, "").replace(/::[^:]*$/, "");
    if (uploadUrl === null || !fingerprint.startsWith(prefix)) continue;
    const sent = await sentOf(uploadUrl);
    if (sent === null) await defaultOptions.urlStorage.removeUpload(urlStorageKey);
    else {
      const name = metadata["filename"] ?? "film";
      found.push({ key: urlStorageKey, fingerprint, name, size: size ?? 0, sent, url: uploadUrl });
    }
  }
  return found;
}

/** Bytes that are there; null when the service gave the upload up or made a job of it. */
async function sentOf(url: string): Promise<number | null> {
  try {
    const answer = await send(url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
    if (answer.headers.has(JOB_HEADER)) return null;
    return Number(answer.headers.get("Upload-Offset") ?? 0);
  } catch (error) {
    if (error instanceof ApiError && !GONE.has(error.status)) return 0; // not reachable just now: keep it
    return null;
  }
}

function errorOf(error: Error | DetailedError): ApiError {
  const response: HttpResponse | null = "originalResponse" in error ? error.originalResponse : null;
  if (response === null) return new ApiError(UNREACHABLE);
  return new ApiError(problemFrom(response.getStatus(), response.getBody()));
}
