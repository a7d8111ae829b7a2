import { memo } from "react";
import { hasEnded, type Job } from "../../api/types";
import { Bar, Link } from "../../design/components";
import { ago, count, duration, percent, sentence, timeLeft } from "../format";
import { JobActions } from "../live/actions";
import { badgeClass, isRunning, queueWords, statusWord } from "../live/words";
import { jobPath } from "../router";
import { Thumbnail } from "./Thumbnail";

interface JobRowProps {
  job: Job;
  now: number;
  secondsLeft: number | null;
  onChanged(): void;
}

export const JobRow = memo(function JobRow({ job, now, secondsLeft, onChanged }: JobRowProps) {
  return (
    <li className="job-row card" data-status={job.status} data-job={job.job_id}>
      <Thumbnail job={job} />
      <div className="job-what">
        <div className="job-title">
          <h2>
            <Link to={jobPath(job.job_id)}>{job.source_name}</Link>
          </h2>
          <span className={badgeClass(job)}>{statusWord(job)}</span>
        </div>
        <p className="quiet small figures">{line(job, now, secondsLeft)}</p>
        {isRunning(job) && <Bar share={job.progress} label={`${job.source_name}: progress`} />}
        {job.error !== null && (
          <p className="small job-error">
            <b>{job.error.message}</b> {job.error.hint}
          </p>
        )}
      </div>
      <JobActions job={job} small onChanged={onChanged} />
    </li>
  );
});

function line(job: Job, now: number, secondsLeft: number | null): string {
  if (isRunning(job)) {
    const left = secondsLeft === null ? "" : ` · ${timeLeft(secondsLeft)} in this stage`;
    return `${percent(job.progress)} · ${sentence(job.message)}${left}`;
  }
  if (!hasEnded(job)) return `${queueWords(job)} · sent ${ago(job.created_at, now)}`;
  return [ago(job.finished_at ?? job.created_at, now), ...facts(job)].join(" · ");
}

/** What a job made, as far as its counts tell. */
function facts(job: Job): string[] {
  const found: string[] = [];
  const number = (name: string) => (typeof job.counts[name] === "number" ? job.counts[name] : null);
  const frames = number("frames");
  const gaussians = number("gaussians");
  if (frames !== null) found.push(`${count(frames)} pictures`);
  if (gaussians !== null) found.push(`${count(gaussians)} Gaussians`);
  const seconds = Object.values(job.timings).reduce((sum, one) => sum + one, 0);
  if (job.status === "completed" && seconds > 0) found.push(`made in ${duration(seconds)}`);
  return found;
}
