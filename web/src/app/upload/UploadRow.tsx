import { worthTryingAgain } from "../../api/problem";
import { Bar, Button, Link, Problem } from "../../design/components";
import { Icon } from "../../design/Icon";
import { bytes, percent, timeLeft } from "../format";
import { jobPath } from "../router";
import { useSigned } from "../session/context";
import type { UploadItem, UploadState } from "./queue";

const WORDS: Record<UploadState, string> = {
  ready: "Ready",
  waiting: "Waits for the film before it",
  uploading: "Sending",
  paused: "Paused",
  done: "Sent",
  failed: "Stopped",
};

export function UploadRow({ item }: { item: UploadItem }) {
  const share = item.size === 0 ? 0 : item.sent / item.size;
  const moving = item.state === "uploading" || item.state === "paused" || item.state === "waiting";
  return (
    <li className="upload-row" data-state={item.state}>
      <span className="kind" aria-hidden="true">
        <Icon name={item.state === "done" ? "check" : "film"} />
      </span>
      <div className="upload-what">
        <p className="name">{item.name}</p>
        <p className="quiet small figures">
          <span aria-live="polite">{WORDS[item.state]}</span>
          {figures(item, share)}
        </p>
      </div>
      <Actions item={item} />
      {moving && (
        <div className="upload-bar">
          <Bar share={share} label={`${item.name}: sent`} paused={item.state !== "uploading"} />
        </div>
      )}
      {item.error !== null && (
        <div className="upload-bar">
          <Problem error={item.error} />
        </div>
      )}
    </li>
  );
}

function figures(item: UploadItem, share: number): string {
  if (item.state === "ready" || item.state === "done") return ` · ${bytes(item.size)}`;
  const sent = ` · ${percent(share)} of ${bytes(item.size)}`;
  if (item.state !== "uploading" || item.rate === null) return sent;
  if (item.sent >= item.size) return `${sent} · the service looks at the film`;
  if (item.rate < 1) return sent;
  return `${sent} · ${bytes(item.rate)}/s · ${timeLeft((item.size - item.sent) / item.rate)}`;
}

function Actions({ item }: { item: UploadItem }) {
  const { uploads } = useSigned();
  return (
    <div className="row">
      {item.state === "uploading" && (
        <Button small icon="pause" onClick={() => uploads.pause(item.id)}>
          Pause
        </Button>
      )}
      {item.state === "paused" && (
        <Button small icon="play" onClick={() => uploads.resume(item.id)}>
          Go on
        </Button>
      )}
      {item.error !== null && worthTryingAgain(item.error) && (
        <Button small icon="retry" onClick={() => uploads.resume(item.id)}>
          Try again
        </Button>
      )}
      {item.jobId !== null && (
        <Link to={jobPath(item.jobId)} className="button primary small">
          Watch it appear
        </Link>
      )}
      <Button
        small
        look="plain"
        icon="close"
        label={item.state === "done" ? `Take ${item.name} off the list` : `Give ${item.name} up`}
        onClick={() => uploads.remove(item.id)}
      />
    </div>
  );
}
