/** Pictures of the service for <img>: fetched with who asks, which a plain address could not say on another host. */
import { useEffect, useState } from "react";
import { send } from "../../api/client";

/** An address for <img> while the component is shown; null until it is there, or when there is none. */
export function useBlobUrl(path: string | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    setUrl(null);
    if (path === null) return;
    const control = new AbortController();
    let made: string | null = null;
    send(path, { signal: control.signal })
      .then((response) => response.blob())
      .then((blob) => {
        if (control.signal.aborted) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      })
      .catch(() => undefined); // no picture: the placeholder stays
    return () => {
      control.abort();
      if (made !== null) URL.revokeObjectURL(made);
    };
  }, [path]);
  return url;
}
