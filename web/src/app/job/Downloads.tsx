import { useState } from "react";
import { apiUrl, isElsewhere } from "../../api/address";
import { send } from "../../api/client";
import { type ApiError, asApiError } from "../../api/problem";
import type { JobFile } from "../../api/types";
import { Problem, Spinner } from "../../design/components";
import { Icon } from "../../design/Icon";
import { bytes } from "../format";
import { aboutFile, isOffered } from "./files";

/** Every file with its size. */
export function Downloads({ id, files }: { id: string; files: readonly JobFile[] }) {
  const [error, setError] = useState<ApiError | null>(null);
  const offered = files
    .filter((file) => isOffered(file.name))
    .sort((a, b) => aboutFile(a.name).order - aboutFile(b.name).order);
  const report = files.find((file) => file.name === "report.html");
  return (
    <section className="downloads" aria-labelledby="downloads">
      <div className="screen-head">
        <h2 id="downloads">Downloads</h2>
        {report !== undefined && !isElsewhere && (
          <a className="button small" href={apiUrl(report.url)} target="_blank" rel="noopener">
            <Icon name="report" size={17} />
            Open the report
          </a>
        )}
      </div>
      {error !== null && <Problem error={error} />}
      {files.length === 0 && <Spinner label="Fetching the list" />}
      <ul>
        {offered.map((file) => (
          <li key={file.name}>
            <FileLink id={id} file={file} onError={setError} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface FileLinkProps {
  id: string;
  file: JobFile;
  onError(error: ApiError): void;
}

function FileLink({ id, file, onError }: FileLinkProps) {
  const about = aboutFile(file.name);
  const name = `${id}-${file.name.replace(/.*\//, "")}`;
  const [busy, setBusy] = useState(false);
  const fetchIt = async () => {
    setBusy(true);
    try {
      save(await (await send(file.url)).blob(), name);
    } catch (failure) {
      onError(asApiError(failure));
    }
    setBusy(false);
  };
  return (
    <a
      className="file card"
      href={isElsewhere ? "#download" : apiUrl(file.url)}
      download={name}
      aria-busy={busy}
      onClick={(event) => {
        if (!isElsewhere) return; // the browser's own download sends the cookie
        event.preventDefault();
        void fetchIt();
      }}
    >
      <span className="file-kind">{about.kind}</span>
      <span className="file-what">
        <b>{about.title}</b>
        <span className="quiet small figures">{size(file, busy)}</span>
      </span>
      <Icon name="download" />
    </a>
  );
}

function size(file: JobFile, busy: boolean): string {
  if (busy) return "fetching";
  return file.size === null ? "made when you ask" : bytes(file.size);
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
