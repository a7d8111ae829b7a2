import { expect, test } from "vitest";
import { ApiError, asApiError, problemFrom, UNREACHABLE, worthTryingAgain } from "../../src/api/problem";

test("a problem keeps the service's own words", () => {
  const body = JSON.stringify({
    detail: "notes.mp4 is not a video.",
    hint: "Upload an mp4.",
    code: "unsupported_file",
  });
  expect(problemFrom(415, body)).toEqual({
    status: 415,
    code: "unsupported_file",
    detail: "notes.mp4 is not a video.",
    hint: "Upload an mp4.",
  });
});

test.each(["<html>Bad gateway</html>", "", "[]", '{"detail":3}'])(
  "any other body, %j, becomes a sentence",
  (body) => {
    const problem = problemFrom(502, body);
    expect(problem.detail).toBe("The service answered with 502.");
    expect(problem.hint).not.toBe("");
  },
);

test("whatever is thrown can be shown", () => {
  expect(asApiError(new TypeError("Failed to fetch")).code).toBe("unreachable");
  expect(asApiError("text").message).toMatch(/\.$/);
});

test("a refused film is not worth sending again, a busy or silent service is", () => {
  const of = (status: number) => worthTryingAgain(new ApiError(problemFrom(status, "")));
  expect([413, 415, 422, 404].map(of)).toEqual([false, false, false, false]);
  expect([401, 429, 500, 503, 507].map(of)).toEqual([true, true, true, true, true]);
  expect(worthTryingAgain(new ApiError(UNREACHABLE))).toBe(true);
});
