/** The viewer in a React tree. Its code is large, so it is loaded when a scene is shown and not before. */
import { useEffect, useRef, useState } from "react";
import { send } from "../../api/client";
import { Notice, Spinner } from "../../design/components";
import type { CapturedCamera, SceneSource, ViewerHandle } from "../../viewer";
import "./viewer.css";

declare global {
  interface HTMLElement {
    /** The viewer that is mounted in this element: for tests that read its pixels. */
    viewerHandle?: ViewerHandle | undefined;
  }
}

interface ViewerFrameProps {
  /** Another object is another scene: it takes the place of the one before, the camera stays. */
  source: SceneSource;
  cameras: readonly CapturedCamera[];
  mode: "full" | "live";
  title: string;
  meshUrl?: string;
}

const load = (url: string): Promise<Response> => send(url);

export function ViewerFrame({ source, cameras, mode, title, meshUrl }: ViewerFrameProps) {
  const host = useRef<HTMLDivElement>(null);
  const given = useRef({ source, cameras, mode, title, meshUrl });
  given.current = { source, cameras, mode, title, meshUrl };
  const [handle, setHandle] = useState<ViewerHandle | null>(null);
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    let mounted: ViewerHandle | null = null;
    let gone = false;
    const mount = async () => {
      const { mountViewer } = await import("../../viewer");
      if (gone) return;
      const { meshUrl: mesh, ...first } = given.current;
      const options = { ...first, load, onError: setError, ...(mesh === undefined ? {} : { meshUrl: mesh }) };
      mounted = await mountViewer(element, options);
      if (gone) return mounted.dispose();
      element.viewerHandle = mounted;
      setHandle(mounted);
    };
    mount().catch((failure: unknown) => {
      if (!gone) setError(failure instanceof Error ? failure.message : "The scene cannot be shown.");
    });
    return () => {
      gone = true;
      mounted?.dispose();
      element.viewerHandle = undefined;
    };
  }, []);

  useReplaced(handle, source, given.current.source, setError);
  useEffect(() => handle?.setCameras(cameras), [handle, cameras]);
  return (
    <div className="viewer-frame" data-ready={handle !== null}>
      <div ref={host} className="viewer-host" data-viewer />
      {handle === null && error === null && (
        <div className="viewer-over">
          <Spinner label="Opening the scene" />
        </div>
      )}
      {error !== null && (
        <div className="viewer-over">
          <Notice message={error} />
        </div>
      )}
    </div>
  );
}

/** Shows each newer scene; while one is loading, those between it and the newest are left out. */
function useReplaced(
  handle: ViewerHandle | null,
  source: SceneSource,
  first: SceneSource,
  onError: (message: string | null) => void,
): void {
  const shown = useRef(first);
  const busy = useRef(false);
  const wanted = useRef(source);
  wanted.current = source;
  useEffect(() => {
    if (handle === null || busy.current || shown.current === source) return;
    const replace = async () => {
      busy.current = true;
      while (shown.current !== wanted.current) {
        const next = wanted.current;
        shown.current = next;
        try {
          await handle.replaceScene(next);
          onError(null);
        } catch {
          // A snapshot may be gone by the time it is fetched; the one before it stays, the next one comes soon.
        }
      }
      busy.current = false;
    };
    void replace();
  }, [handle, source, onError]);
}
