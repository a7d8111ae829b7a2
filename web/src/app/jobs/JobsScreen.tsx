import { Button, Link, Problem, Spinner } from "../../design/components";
import { useNow, useTitle } from "../live/hooks";
import { JobRow } from "./JobRow";
import { useJobs } from "./useJobs";
import "./jobs.css";

export function JobsScreen() {
  const { jobs, error, hasMore, more, reload, secondsLeft } = useJobs();
  const now = useNow(20_000);
  useTitle("My rooms");
  return (
    <section className="jobs" aria-labelledby="jobs">
      <div className="screen-head">
        <h1 id="jobs">My rooms</h1>
        <Link to="/" className="button primary">
          New room
        </Link>
      </div>
      {error !== null && (
        <Problem error={error}>
          <Button small onClick={reload}>
            Try again
          </Button>
        </Problem>
      )}
      {jobs === null && error === null && <Spinner label="Fetching your rooms" />}
      {jobs?.length === 0 && <NoJobs />}
      {jobs !== null && jobs.length > 0 && (
        <ul className="job-list">
          {jobs.map((job) => (
            <JobRow
              key={job.job_id}
              job={job}
              now={now}
              secondsLeft={secondsLeft(job.job_id)}
              onChanged={reload}
            />
          ))}
        </ul>
      )}
      {hasMore && (
        <Button className="more" onClick={more}>
          Show older rooms
        </Button>
      )}
    </section>
  );
}

function NoJobs() {
  return (
    <div className="empty">
      <h2>No rooms yet</h2>
      <p className="quiet">Film a room for a minute or two, and it will stand here a little later.</p>
      <Link to="/" className="button primary">
        Make the first one
      </Link>
    </div>
  );
}
