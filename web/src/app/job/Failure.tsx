import type { JobError } from "../../api/types";
import { Notice } from "../../design/components";

/** Why the job failed, in the service's own words. */
export function Failure({ error }: { error: JobError }) {
  return <Notice message={error.message} hint={error.hint} code={error.code} />;
}
