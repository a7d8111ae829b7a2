import type { Job } from "../../api/types";
import { Bar } from "../../design/components";
import { Icon } from "../../design/Icon";
import { duration, sentence } from "../format";
import { isRunning } from "../live/words";
import { STAGES, type StageName, type StageStory, type Story, title } from "./story";

/** The four stages from the film to the files: which are done and how long they took, which one runs. */
export function StageList({ job, story }: { job: Job; story: Story }) {
  return (
    <ol className="stages">
      {STAGES.map((name) => (
        <Stage key={name} name={name} told={settled(job, name, story.stages[name])} />
      ))}
    </ol>
  );
}

/** A stage of a job that does not run any more cannot be running, whatever its last event said. */
function settled(job: Job, name: StageName, told: StageStory): StageStory {
  const seconds = job.timings[name] ?? told.seconds;
  if (told.state !== "running" || isRunning(job)) return { ...told, seconds };
  return { ...told, seconds, state: job.status === "completed" ? "done" : "stopped" };
}

function Stage({ name, told }: { name: StageName; told: StageStory }) {
  return (
    <li data-state={told.state} {...(told.state === "running" ? { "aria-current": "step" as const } : {})}>
      <span className="stage-mark" aria-hidden="true">
        {told.state === "done" && <Icon name="check" size={14} />}
        {told.state === "stopped" && <Icon name="close" size={14} />}
      </span>
      <div>
        <p className="stage-name figures">
          <span>{title(name)}</span>
          <span className="quiet small">{after(told)}</span>
        </p>
        {told.message !== "" && told.state !== "waiting" && (
          <p className="quiet small">{sentence(told.message)}</p>
        )}
        {told.state === "running" && <Bar share={told.fraction} label={`${title(name)}: progress`} />}
      </div>
    </li>
  );
}

function after(told: StageStory): string {
  if (told.state !== "done") return "";
  if (told.reused) return "kept";
  return told.seconds === null ? "" : duration(told.seconds);
}
