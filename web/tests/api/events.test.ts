// @vitest-environment node
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { followJob, MessageParser, type StreamState } from "../../src/api/events";

const WIRE =
  'retry: 2000\n\nid: 1\nevent: status\ndata: {"a":\ndata: 1}\n\n: still here\n\nid: 2\r\ndata:x\r\n\r\nid: 3\ndata: y\n\n';
const MESSAGES = [
  { id: "1", data: '{"a":\n1}' },
  { id: "2", data: "x" },
  { id: "3", data: "y" },
];

test("a stream gives the same messages in whatever pieces it comes", () => {
  for (let size = 1; size <= WIRE.length; size += 1) {
    const parser = new MessageParser();
    const found = [];
    for (let from = 0; from < WIRE.length; from += size)
      found.push(...parser.push(WIRE.slice(from, from + size)));
    expect(found).toEqual(MESSAGES);
  }
});

let server: Server | null = null;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  vi.unstubAllGlobals();
});

/** A real server on a free port; the page's address is its own. */
async function serve(
  answer: (response: ServerResponse, lastId: string, call: number) => void,
): Promise<void> {
  let calls = 0;
  server = createServer((request, response) => {
    calls += 1;
    answer(response, String(request.headers["last-event-id"]), calls);
  });
  const listening = server;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  vi.stubGlobal("location", new URL(`http://127.0.0.1:${(listening.address() as AddressInfo).port}/jobs/x`));
}

const said = (id: number) =>
  `id: ${id}\nevent: log\ndata: ${JSON.stringify({ id, at: "", kind: "log", payload: {} })}\n\n`;

function follow(): Promise<{ ids: number[]; states: StreamState[] }> {
  const ids: number[] = [];
  const states: StreamState[] = [];
  return new Promise((resolve) => {
    followJob("x", {
      onEvents: (events) => ids.push(...events.map((event) => event.id)),
      onState: (state) => {
        states.push(state);
        if (state === "ended") resolve({ ids, states });
      },
    });
  });
}

test("a stream that breaks off, or is refused for a while, goes on after the last event that was heard", async () => {
  const asked: string[] = [];
  await serve((response, lastId, call) => {
    asked.push(lastId);
    if (call === 1) {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write(said(1) + said(2), () => response.destroy());
    } else if (call === 2) {
      response.writeHead(503, { "Content-Type": "application/problem+json" }).end("{}");
    } else if (call === 3) {
      response.writeHead(200, { "Content-Type": "text/event-stream" }).end(said(3));
    } else {
      response.writeHead(204).end();
    }
  });
  const { ids, states } = await follow();
  expect(ids).toEqual([1, 2, 3]);
  expect(asked).toEqual(["0", "2", "2", "3"]);
  expect(states).toContain("lost");
}, 20_000);

test("a job that is not there is not asked for again", async () => {
  let calls = 0;
  await serve((response) => {
    calls += 1;
    response.writeHead(404, { "Content-Type": "application/problem+json" }).end('{"detail":"No such job."}');
  });
  expect((await follow()).ids).toEqual([]);
  expect(calls).toBe(1);
});
