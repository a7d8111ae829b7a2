/** What can be done to a job, with the questions before it. Used by the list and by the job's own screen. */
import { useState } from "react";
import { cancelJob, deleteJob, retryJob } from "../../api/jobs";
import { type ApiError, asApiError } from "../../api/problem";
import { hasEnded, type Job } from "../../api/types";
import { Button, Dialog, Problem } from "../../design/components";
import { SettingsForm } from "../upload/SettingsForm";
import { configOf, draftOf } from "../upload/settings";

interface JobActionsProps {
  job: Job;
  small?: boolean;
  /** The job after a change, or null when it is gone. */
  onChanged(job: Job | null): void;
}

type Asking = "retry" | "cancel" | "delete" | null;

export function JobActions({ job, small = false, onChanged }: JobActionsProps) {
  const [asking, setAsking] = useState<Asking>(null);
  const done = (changed: Job | null) => {
    setAsking(null);
    onChanged(changed);
  };
  const ended = hasEnded(job);
  const named = (what: string) => (small ? { "aria-label": `${what}: ${job.source_name}` } : {});
  return (
    <div className="row">
      {ended && (
        <Button small={small} icon="retry" {...named("Run again")} onClick={() => setAsking("retry")}>
          {job.status === "completed" ? "Run again" : "Try again"}
        </Button>
      )}
      {!ended && (
        <Button
          small={small}
          icon="close"
          {...named("Cancel")}
          disabled={job.cancel_requested}
          onClick={() => setAsking("cancel")}
        >
          Cancel
        </Button>
      )}
      {(ended || job.status === "pending") && (
        <Button
          small={small}
          look="plain"
          icon="trash"
          label={`Delete ${job.source_name}`}
          onClick={() => setAsking("delete")}
        />
      )}
      <Question asking={asking} job={job} onDone={done} onClose={() => setAsking(null)} />
    </div>
  );
}

interface QuestionProps {
  asking: Asking;
  job: Job;
  onDone(job: Job | null): void;
  onClose(): void;
}

/** What is asked before something is done. */
function Question({ asking, job, onDone, onClose }: QuestionProps) {
  if (asking === "retry") return <RetryDialog job={job} onDone={onDone} onClose={onClose} />;
  if (asking === "cancel") {
    return (
      <Confirm
        title="Cancel this room?"
        text={`Work on ${job.source_name} stops. You can run it again later; finished stages are kept.`}
        yes="Cancel it"
        no="Let it run"
        act={() => cancelJob(job.job_id)}
        onDone={onDone}
        onClose={onClose}
      />
    );
  }
  if (asking !== "delete") return null;
  return (
    <Confirm
      title="Delete this room?"
      text={`The film ${job.source_name} and everything made from it are removed for good.`}
      yes="Delete it"
      no="Keep it"
      act={() => deleteJob(job.job_id).then(() => null)}
      onDone={onDone}
      onClose={onClose}
    />
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  yes: string;
  no: string;
  act(): Promise<Job | null>;
  onDone(job: Job | null): void;
  onClose(): void;
}

function Confirm({ title, text, yes, no, act, onDone, onClose }: ConfirmProps) {
  const { run, busy, error } = useAct(act, onDone);
  return (
    <Dialog title={title} onClose={onClose} onSubmit={run}>
      <p>{text}</p>
      {error !== null && <Problem error={error} />}
      <div className="row">
        <Button onClick={onClose}>{no}</Button>
        <Button type="submit" look="danger" disabled={busy}>
          {yes}
        </Button>
      </div>
    </Dialog>
  );
}

function RetryDialog({ job, onDone, onClose }: Pick<ConfirmProps, "onDone" | "onClose"> & { job: Job }) {
  const [draft, setDraft] = useState(() => draftOf(job.config));
  const { run, busy, error } = useAct(() => retryJob(job.job_id, configOf(draft)), onDone);
  return (
    <Dialog title="Run it again" onClose={onClose} onSubmit={run}>
      <p className="quiet">Stages that the changed settings do not touch are kept.</p>
      <SettingsForm draft={draft} onChange={setDraft} />
      {error !== null && <Problem error={error} />}
      <div className="row">
        <Button onClick={onClose}>Not now</Button>
        <Button type="submit" look="primary" disabled={busy}>
          Run again
        </Button>
      </div>
    </Dialog>
  );
}

function useAct(act: () => Promise<Job | null>, onDone: (job: Job | null) => void) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = () => {
    setBusy(true);
    setError(null);
    act().then(onDone, (failure: unknown) => {
      setError(asApiError(failure));
      setBusy(false);
    });
  };
  return { run, busy, error };
}
