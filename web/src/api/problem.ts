import type { Problem } from "./types";

/** What went wrong, in the service's own words: a sentence, what to do about it, and a stable code. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly retryAfterSeconds: number | null;

  constructor(problem: Problem, retryAfterSeconds: number | null = null) {
    super(problem.detail);
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code;
    this.hint = problem.hint;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export const UNREACHABLE: Problem = {
  status: 0,
  code: "unreachable",
  detail: "The service does not answer.",
  hint: "Check that it runs and that this device is online; the page tries again by itself.",
};

/** A body of application/problem+json; anything else (a proxy's page) becomes a sentence with the status. */
export function problemFrom(status: number, body: string): Problem {
  try {
    const said: unknown = JSON.parse(body);
    if (isRecord(said) && typeof said["detail"] === "string") {
      return {
        status,
        code: text(said["code"], "unknown"),
        detail: said["detail"],
        hint: text(said["hint"], ""),
      };
    }
  } catch {
    // not JSON: fall through to the plain sentence
  }
  const hint = status >= 500 ? "Try again in a moment." : "Reload the page and try again.";
  return { status, code: `http_${status}`, detail: `The service answered with ${status}.`, hint };
}

const PASSING = new Set([401, 403, 408, 409, 423, 425, 429]);

/** Whether the same request may go well later: nobody answered, somebody was busy, or nobody was signed in. */
export const worthTryingAgain = (error: ApiError): boolean =>
  error.status < 400 || error.status >= 500 || PASSING.has(error.status);

/** Any thrown value as an error that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof TypeError) return new ApiError(UNREACHABLE);
  const detail = error instanceof Error ? error.message : "Something went wrong.";
  return new ApiError({ status: 0, code: "page_error", detail, hint: "Reload the page and try again." });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
