import { useEffect, useState } from "react";
import { listFiles } from "../../api/jobs";
import { hasEnded, type Job, type JobFile } from "../../api/types";
import { Bar, Link, Problem, Spinner } from "../../design/components";
import { Icon } from "../../design/Icon";
import { ago, count, percent, sentence, timeLeft } from "../format";
import { JobActions } from "../live/actions";
import { useNow, useTitle } from "../live/hooks";
import { badgeClass, isRunning, queueWords, statusWord } from "../live/words";
import { go } from "../router";
import { Unknown } from "../shell/Unknown";
import { CameraPath } from "./CameraPath";
import { Curves } from "./Curves";
import { Downloads } from "./Downloads";
import { Failure } from "./Failure";
import { Log } from "./Log";
import { ShareButton } from "./ShareButton";
import { StageList } from "./StageList";
import type { Story } from "./story";
import { Theatre } from "./Theatre";
import { useJob } from "./useJob";
import "../jobs/jobs.css";
import "../open/open.css";
import "./job.css";

export function JobScreen({ id }: { id: string }) {
  const { job, story, stream, error, changed } = useJob(id);
  const files = useFiles(job, story);
  useTitle(job === null ? null : `${job.source_name} · ${statusWord(job)}`);
  if (job === null) {
    if (error?.code === "job_not_found") return <Unknown />;
    return error === null ? (
      <Spinner label="Fetching the room" />
    ) : (
      <section className="empty">
        <Problem error={error} />
        <Link to="/jobs" className="button">
          Go to my rooms
        </Link>
      </section>
    );
  }
  const act = (next: Job | null) => (next === null ? go("/jobs") : changed(next));
  return (
    <article className="job" data-status={job.status}>
      <Head job={job} onChanged={act} />
      {error !== null && <Problem error={error} />}
      {job.error !== null && <Failure error={job.error} />}
      {!hasEnded(job) && <Now job={job} story={story} lost={stream === "lost"} />}
      <div className="job-body">
        <div className="job-main">
          <Theatre job={job} story={story} files={files} />
          {job.status === "completed" && <Downloads id={job.job_id} files={files} />}
          <Log lines={story.log} />
        </div>
        <div className="job-side">
          <section className="card padded">
            <h2>Stages</h2>
            <StageList job={job} story={story} />
          </section>
          <Curves curve={story.curve} />
          {story.cameras !== null && <CameraPath id={job.job_id} cameras={story.cameras} />}
        </div>
      </div>
    </article>
  );
}

function Head({ job, onChanged }: { job: Job; onChanged(job: Job | null): void }) {
  const now = useNow(20_000);
  const psnr = job.counts["psnr"];
  const gaussians = job.counts["gaussians"];
  const facts = [
    `${hasEnded(job) ? (job.status === "completed" ? "made" : "stopped") : "sent"} ${ago(job.finished_at ?? job.created_at, now)}`,
    ...(typeof gaussians === "number" ? [`${count(gaussians)} Gaussians`] : []),
    ...(hasEnded(job) && typeof psnr === "number" ? [`PSNR ${psnr.toFixed(1)} dB`] : []),
  ];
  return (
    <header className="job-head">
      <Link to="/jobs" className="back quiet small">
        <Icon name="back" size={16} />
        My rooms
      </Link>
      <div className="screen-head">
        <div>
          <div className="job-title">
            <h1>{job.source_name}</h1>
            <span className={badgeClass(job)} aria-live="polite">
              {statusWord(job)}
            </span>
          </div>
          <p className="quiet small figures">{facts.join(" · ")}</p>
        </div>
        <div className="row">
          {job.status === "completed" && <ShareButton />}
          <JobActions job={job} onChanged={onChanged} />
        </div>
      </div>
    </header>
  );
}

function Now({ job, story, lost }: { job: Job; story: Story; lost: boolean }) {
  const left = story.secondsLeft;
  const words = isRunning(job)
    ? `${sentence(job.message)}${left === null ? "" : ` · ${timeLeft(left)} in this stage`}`
    : queueWords(job);
  return (
    <section className="now" aria-label="Progress">
      <div className="now-words figures">
        <span>{words}</span>
        <b>{percent(job.progress)}</b>
      </div>
      <Bar share={job.progress} label="Progress of the whole" />
      {lost && <p className="quiet small">The connection was lost; the page asks again every few seconds.</p>}
    </section>
  );
}

/** What can be fetched; asked for anew when the job's state changes or a stage leaves something. */
function useFiles(job: Job | null, story: Story): readonly JobFile[] {
  const [files, setFiles] = useState<readonly JobFile[]>([]);
  const id = job?.job_id;
  const left = `${story.cameras === null} ${story.snapshot === null}`;
  const moment = job === null ? "" : `${job.status} ${job.started_at ?? ""} ${job.finished_at ?? ""} ${left}`;
  useEffect(() => {
    if (id === undefined || moment === "") return;
    const control = new AbortController();
    listFiles(id, control.signal).then(setFiles, () => undefined); // shown without them; the next change asks again
    return () => control.abort();
  }, [id, moment]);
  return files;
}
