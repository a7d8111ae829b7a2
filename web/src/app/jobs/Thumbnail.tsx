import type { Job } from "../../api/types";
import { Icon } from "../../design/Icon";
import { useBlobUrl } from "../live/blob";

/** A picture of the film; a quiet sign until there is one. */
export function Thumbnail({ job }: { job: Job }) {
  const url = useBlobUrl(job.thumbnail_url);
  return (
    <div className="thumbnail">
      {url === null ? <Icon name="film" size={24} /> : <img src={url} alt="" />}
    </div>
  );
}
