import { useMemo } from "react";
import { fileUrl } from "../../api/jobs";
import { hasEnded, type Job, type JobFile } from "../../api/types";
import { Icon } from "../../design/Icon";
import { count } from "../format";
import { useBlobUrl } from "../live/blob";
import { useCameras } from "../viewer/useCameras";
import { ViewerFrame } from "../viewer/ViewerFrame";
import { shownScene } from "./files";
import type { Snapshot, Story } from "./story";

const CAMERAS = "cameras/transforms.json";
const LIVE = "live/scene.splat";
const SOON = "The room appears here as soon as the cameras are found.";

interface TheatreProps {
  job: Job;
  story: Story;
  files: readonly JobFile[];
}

/** The room: finished, or as far as it is, or a picture of the film while there is nothing yet. */
export function Theatre({ job, story, files }: TheatreProps) {
  const scene = job.status === "completed" ? shownScene(files) : null;
  // Events of an earlier run tell of snapshots that are not there any more.
  const there = files.some((file) => file.name === LIVE);
  const live = !there ? null : hasEnded(job) ? LEFT : story.snapshot;
  return (
    <div className="theatre" data-shows={scene !== null ? "scene" : live !== null ? "live" : "nothing"}>
      {scene !== null ? (
        <Finished job={job} scene={scene} files={files} />
      ) : live !== null && job.status !== "completed" ? (
        <Growing job={job} snapshot={live} story={story} files={files} />
      ) : (
        <Nothing job={job} story={story} />
      )}
    </div>
  );
}

/** A failed or cancelled job keeps the last that was seen of it. */
const LEFT: Snapshot = { file: LIVE, step: 0, gaussians: 0, bytes: 0, id: 0 };

function Finished({ job, scene, files }: { job: Job; scene: JobFile; files: readonly JobFile[] }) {
  const cameras = useCameras(job.job_id, files.some((file) => file.name === CAMERAS) ? CAMERAS : null);
  const { url, name } = scene;
  const source = useMemo(() => ({ fileName: name, url }), [name, url]);
  const mesh = files.find((file) => file.name === "mesh.glb");
  if (cameras === null) return null; // the first view is one of them
  return (
    <ViewerFrame
      key="full"
      source={source}
      cameras={cameras}
      mode="full"
      title={job.source_name}
      {...(mesh === undefined ? {} : { meshUrl: mesh.url })}
    />
  );
}

interface GrowingProps extends TheatreProps {
  snapshot: Snapshot;
}

function Growing({ job, snapshot, story, files }: GrowingProps) {
  const left = files.some((file) => file.name === CAMERAS) ? CAMERAS : null;
  const cameras = useCameras(job.job_id, story.cameras?.file ?? left);
  const { id, file } = snapshot;
  const source = useMemo(
    () => ({ fileName: "scene.splat", url: `${fileUrl(job.job_id, file)}?event=${id}` }),
    [job.job_id, file, id],
  );
  if (cameras === null) return null;
  return (
    <>
      <ViewerFrame key="live" source={source} cameras={cameras} mode="live" title={job.source_name} />
      {snapshot.step > 0 && (
        <p className="live-words badge active figures">Live · step {count(snapshot.step)}</p>
      )}
    </>
  );
}

function Nothing({ job, story }: Pick<TheatreProps, "job" | "story">) {
  const url = useBlobUrl(job.thumbnail_url);
  const words = hasEnded(job)
    ? ""
    : story.cameras === null
      ? SOON
      : "The cameras are found: the room appears in a moment.";
  return (
    <div className="nothing">
      {url === null ? <Icon name="film" size={40} /> : <img src={url} alt="" />}
      {words !== "" && <p>{words}</p>}
    </div>
  );
}
