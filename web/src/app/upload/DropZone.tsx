import { useId } from "react";
import { Icon } from "../../design/Icon";
import { bytes, duration } from "../format";
import { useSigned } from "../session/context";
import { DropWords } from "./DropWords";

const ACCEPT =
  "video/mp4,video/quicktime,video/x-matroska,video/webm,.mp4,.mov,.mkv,.webm,.m4v,.ply,.spz,.sog,.splat";

/** The large target; the drop itself is taken anywhere on the page. */
export function DropZone() {
  const { limits, take } = useSigned();
  const id = useId();
  return (
    <div className="drop-zone">
      <input
        id={id}
        className="unseen"
        type="file"
        multiple
        accept={ACCEPT}
        data-testid="file-input"
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = ""; // the same file can be chosen again
          if (files.length > 0) take(files);
        }}
      />
      <label htmlFor={id}>
        <span className="drop-icon">
          <Icon name="film" size={28} />
        </span>
        <span className="drop-title">
          <DropWords what="film" />
        </span>
        <span className="quiet small">
          mp4, mov, mkv or webm
          {limits !== null &&
            ` · up to ${bytes(limits.max_upload_bytes)} and ${duration(limits.max_video_seconds)}`}
        </span>
      </label>
    </div>
  );
}
