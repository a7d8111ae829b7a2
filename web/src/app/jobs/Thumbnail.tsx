import { fileUrl } from "../../api/jobs";
import type { Job } from "../../api/types";
import { Icon } from "../../design/Icon";
import { useBlobUrl } from "../live/blob";

/** The finished room, or a picture of its film; a quiet sign until there is one. */
export function Thumbnail({ job }: { job: Job }) {
  const url = useBlobUrl(pictureOf(job));
  return (
    <div className="thumbnail">
      {url === null ? <Icon name="film" size={24} /> : <img src={url} alt="" />}
    </div>
  );
}

function pictureOf(job: Job): string | null {
  if (typeof job.thumbnail_url === "string") return job.thumbnail_url;
  return job.status === "completed" && job.thumbnail_url === undefined
    ? fileUrl(job.job_id, "preview.png")
    : null;
}
