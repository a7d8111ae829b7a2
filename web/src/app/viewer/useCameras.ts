import { useEffect, useState } from "react";
import { getJson } from "../../api/client";
import { fileUrl } from "../../api/jobs";
import type { CapturedCamera } from "../../viewer";

const NONE: readonly CapturedCamera[] = [];

/** The captured cameras of a job, once there is such a file; none, and no error, where they cannot be read. */
export function useCameras(id: string, file: string | null): readonly CapturedCamera[] | null {
  const [cameras, setCameras] = useState<readonly CapturedCamera[] | null>(null);
  useEffect(() => {
    setCameras(null);
    if (file === null) return setCameras(NONE);
    const control = new AbortController();
    const folder = file.replace(/[^/]*$/, "");
    const read = async () => {
      const [json, { camerasFromTransforms }] = await Promise.all([
        getJson<unknown>(fileUrl(id, file), control.signal),
        import("../../viewer"),
      ]);
      return camerasFromTransforms(json, (path: string) => fileUrl(id, folder + path));
    };
    read().then(
      (found) => !control.signal.aborted && setCameras(found),
      () => !control.signal.aborted && setCameras(NONE), // the scene can be walked through without them
    );
    return () => control.abort();
  }, [id, file]);
  return cameras;
}
