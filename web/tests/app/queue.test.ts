import { beforeEach, expect, test } from "vitest";
import { ApiError, UNREACHABLE } from "../../src/api/problem";
import type { JobConfig } from "../../src/api/types";
import { UploadQueue } from "../../src/app/upload/queue";
import type { Courier, Transfer, TransferListener, Unfinished } from "../../src/app/upload/transfer";

interface Sent {
  name: string;
  config: JobConfig;
  listener: TransferListener;
  said: string[];
}

/** A courier that does nothing by itself: the test says what comes back from the service. */
class PatientCourier implements Courier {
  readonly sent: Sent[] = [];
  left: Unfinished[] = [];
  readonly discarded: string[] = [];

  open(file: File, config: JobConfig, listener: TransferListener): Transfer {
    const one: Sent = { name: file.name, config, listener, said: [] };
    this.sent.push(one);
    return {
      start: () => one.said.push("start"),
      pause: () => one.said.push("pause"),
      cancel: () => one.said.push("cancel"),
    };
  }

  async fingerprint(file: File): Promise<string> {
    return `print of ${await file.text()}`;
  }

  async unfinished(): Promise<Unfinished[]> {
    return this.left;
  }

  async discard(left: Unfinished): Promise<void> {
    this.discarded.push(left.key);
  }

  get(index: number): Sent {
    const one = this.sent[index];
    if (one === undefined) throw new Error(`Nothing was sent as number ${index}.`);
    return one;
  }
}

let courier: PatientCourier;
let queue: UploadQueue;
let clock: number;

beforeEach(() => {
  courier = new PatientCourier();
  clock = 0;
  queue = new UploadQueue(courier, () => clock);
});

const film = (name: string) => new File([name], name);
const states = () => queue.snapshot().items.map((item) => item.state);
const first = () => {
  const item = queue.snapshot().items[0];
  if (item === undefined) throw new Error("The list is empty.");
  return item;
};

test("nothing is sent before the user says so, and then with the settings of that moment", async () => {
  await queue.add(film("a"));
  expect(states()).toEqual(["ready"]);
  expect(courier.sent).toEqual([]);
  queue.start({ quality: "high" });
  expect(courier.get(0).config).toEqual({ quality: "high" });
  expect(states()).toEqual(["uploading"]);
});

test("films go one after the other, and each ends with its job", async () => {
  await queue.add(film("a"));
  await queue.add(film("b"));
  queue.start({});
  expect(states()).toEqual(["uploading", "waiting"]);
  courier.get(0).listener.onDone("job-a");
  expect(states()).toEqual(["done", "uploading"]);
  expect(first().jobId).toBe("job-a");
});

test("a paused film lets the next one go, and goes on itself where it stopped", async () => {
  await queue.add(film("a"));
  await queue.add(film("b"));
  queue.start({});
  queue.pause(first().id);
  expect(states()).toEqual(["paused", "uploading"]);
  queue.resume(first().id);
  expect(states()).toEqual(["waiting", "uploading"]);
  courier.get(1).listener.onDone("job-b");
  expect(states()).toEqual(["uploading", "done"]);
  expect(courier.sent.length).toBe(2);
  expect(courier.get(0).said).toEqual(["start", "pause", "start"]);
});

test("what the service refuses is shown in its words, and the next film goes", async () => {
  const refusal = {
    status: 415,
    code: "unsupported_file",
    detail: "a is not a video.",
    hint: "Upload an mp4.",
  };
  await queue.add(film("a"));
  await queue.add(film("b"));
  queue.start({});
  courier.get(0).listener.onError(new ApiError(refusal));
  expect(states()).toEqual(["failed", "uploading"]);
  expect(first().error?.message).toBe("a is not a video.");
  expect(first().error?.hint).toBe("Upload an mp4.");
});

test("only a lost connection is tried again by itself", async () => {
  await queue.add(film("a"));
  await queue.add(film("b"));
  queue.start({});
  courier.get(0).listener.onError(new ApiError(UNREACHABLE));
  courier
    .get(1)
    .listener.onError(new ApiError({ status: 415, code: "unsupported_file", detail: "", hint: "" }));
  queue.resumeLost();
  expect(states()).toEqual(["uploading", "failed"]);
});

test("the speed is that of the last seconds", async () => {
  await queue.add(film("a"));
  queue.start({});
  const { listener } = courier.get(0);
  listener.onProgress(0);
  expect(first().rate).toBeNull();
  clock = 2000;
  listener.onProgress(4000);
  expect(first().rate).toBeCloseTo(2000);
  for (clock = 3000; clock <= 20_000; clock += 1000) listener.onProgress(clock * 10);
  expect(first().rate).toBeCloseTo(10_000);
});

test("a film of an earlier visit goes on at once when the same file is chosen, under any name", async () => {
  courier.left = [
    { key: "k", fingerprint: "print of a", name: "a", size: 1, sent: 0.5, url: "/api/uploads/u" },
  ];
  await queue.look();
  expect(queue.snapshot().unfinished.length).toBe(1);
  await queue.add(new File(["a"], "renamed.mp4"));
  expect(queue.snapshot().unfinished).toEqual([]);
  expect(states()).toEqual(["uploading"]);
});

test("what is given up is cancelled at the service; what is done is only taken off the list", async () => {
  await queue.add(film("a"));
  await queue.add(film("b"));
  queue.start({});
  queue.remove(first().id);
  expect(courier.get(0).said).toContain("cancel");
  courier.get(1).listener.onDone("job-b");
  queue.remove(first().id);
  expect(courier.get(1).said).toEqual(["start"]);
  expect(states()).toEqual([]);
});
