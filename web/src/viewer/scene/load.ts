/** From an address or a file on the disk to splats in memory: streamed, with progress, errors in one sentence. */
import { SplatFileType, SplatMesh } from "@sparkjsdev/spark";
import { type Load, type SceneSource, ViewerError } from "../types";
import { aboutScene, HEAD_BYTES, type SceneAbout, type SplatKind } from "./scene-header";

export interface LoadedScene {
  mesh: SplatMesh;
  about: SceneAbout;
}

/** Bytes so far, and of how many (0: unknown). */
export type Progress = (loaded: number, total: number) => void;

const FILE_TYPES: Record<SplatKind, SplatFileType> = {
  ply: SplatFileType.PLY,
  spz: SplatFileType.SPZ,
  sog: SplatFileType.PCSOGSZIP,
  splat: SplatFileType.SPLAT,
};

/** `signal`: the scene is no longer wanted; what is still to come of it is not fetched. */
export async function loadScene(
  source: SceneSource,
  load: Load,
  onProgress: Progress,
  signal: AbortSignal,
): Promise<LoadedScene> {
  const { bytes, total } = await open(source, load);
  const { head, stream } = await withHead(bytes, (loaded) => onProgress(loaded, total), signal);
  const about = await aboutScene(source.fileName, head);
  const fileType = FILE_TYPES[about.kind];
  const options = { fileName: source.fileName, fileType, extSplats: true } as const;
  // A zip has its directory at the end, so it is read as a whole; the others are decoded while they come.
  const mesh =
    about.kind === "sog"
      ? new SplatMesh({ ...options, fileBytes: await new Response(stream).arrayBuffer() })
      : new SplatMesh({ ...options, stream, ...(total > 0 ? { streamLength: total } : {}) });
  try {
    await mesh.initialized;
  } catch (error) {
    mesh.dispose();
    throw new ViewerError(
      `${source.fileName} cannot be read: ${reason(error)}. It may be cut off or damaged.`,
    );
  }
  if (mesh.numSplats === 0) {
    mesh.dispose();
    throw new ViewerError(`${source.fileName} holds no Gaussian: there is nothing to show.`);
  }
  return { mesh, about };
}

interface Opened {
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>;
  total: number;
}

async function open(source: SceneSource, load: Load): Promise<Opened> {
  if (source.file !== undefined) {
    return { bytes: source.file.stream(), total: source.file.size };
  }
  if (source.url === undefined) {
    throw new ViewerError(`${source.fileName} has no address: open the file from your disk.`);
  }
  const response = await fetched(source.fileName, source.url, load);
  // Of a compressed answer the length says nothing about the bytes that come out.
  const plain = response.headers.get("content-encoding") === null;
  const length = plain ? Number(response.headers.get("content-length") ?? 0) : 0;
  return { bytes: response.body ?? new Blob([]).stream(), total: Number.isFinite(length) ? length : 0 };
}

/** The answer, if it is a good one. */
export async function fetched(name: string, url: string, load: Load): Promise<Response> {
  let response: Response;
  try {
    response = await load(url);
  } catch {
    throw new ViewerError(`${name} could not be fetched: check the connection and try again.`);
  }
  if (!response.ok) {
    throw new ViewerError(
      `${name} could not be fetched (the service answered ${response.status}): try again.`,
    );
  }
  return response;
}

const GIVEN_UP = { done: true, value: undefined } as const;

/** The first bytes, and a stream that gives all of them. */
async function withHead(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLoaded: (loaded: number) => void,
  signal: AbortSignal,
): Promise<{ head: Uint8Array<ArrayBuffer>; stream: ReadableStream<Uint8Array<ArrayBuffer>> }> {
  const reader = bytes.getReader();
  const first: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  while (loaded < HEAD_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    first.push(value);
    loaded += value.length;
    onLoaded(loaded);
  }
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      for (const chunk of first) controller.enqueue(chunk);
    },
    pull: async (controller) => {
      const { done, value } = signal.aborted ? GIVEN_UP : await reader.read();
      if (done) {
        if (signal.aborted) await reader.cancel();
        controller.close();
        return;
      }
      loaded += value.length;
      onLoaded(loaded);
      controller.enqueue(value);
    },
    cancel: (why) => reader.cancel(why),
  });
  const head = new Uint8Array(await new Blob(first).slice(0, HEAD_BYTES).arrayBuffer());
  return { head, stream };
}

function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^Error:\s*/, "").replace(/\.+$/, "");
}
