/**
 * The one place that talks to the network. Same origin, cookies along, problem documents turned
 * into a {@link Failure}.
 */

import { Failure } from "./failure.ts";
import type { components, operations, paths } from "./schema.d.ts";

type Method = "GET" | "POST" | "PATCH" | "DELETE";
type Problem = components["schemas"]["Problem"];

type Content<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;

/** What an operation answers when all is well. */
export type Answer<Op extends keyof operations> = operations[Op]["responses"] extends infer R
  ? Content<R[keyof R & (200 | 201 | 202 | 204)]>
  : never;

/** What an operation is sent. */
export type Body<Op extends keyof operations> = Content<
  NonNullable<operations[Op]["requestBody" & keyof operations[Op]]>
>;

interface Call {
  /** Fills `{key_id}` and the like. */
  path?: Record<string, string>;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Longer than any function of the API may run. */
const TIMEOUT_MS = 20_000;

/**
 * When an answer was given, at the latest, by the server's own clock: what is told in it is never
 * taken for younger than it is, however wrong the browser's clock may be. `NaN`: nobody said.
 */
export interface Dated {
  asOf: number;
}

/** When the session was opened that the answer is about. */
export interface Opened {
  openedAt: string | null;
}

export async function send<Op extends keyof operations>(
  method: Method,
  path: keyof paths,
  body?: Body<Op>,
  call: Call = {},
): Promise<Answer<Op>> {
  return (await sendDated<Op>(method, path, body, call)).answer;
}

export async function sendDated<Op extends keyof operations>(
  method: Method,
  path: keyof paths,
  body?: Body<Op>,
  call: Call = {},
): Promise<Dated & Opened & { answer: Answer<Op> }> {
  // A browser that knows that it is offline would fail in its own words, later.
  if (!navigator.onLine) throw Failure.offline();
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let text: string;
  const asked = performance.now();
  try {
    response = await fetch(fill(path, call), {
      method,
      headers: {
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...call.headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
      redirect: "error",
    });
    text = await response.text();
  } catch (error) {
    // Taken back by whoever asked: no failure to tell anybody about.
    if (call.signal?.aborted) throw error;
    // Also without a network by now: it may have been sent.
    throw Failure.noAnswer();
  }
  if (!response.ok) throw refused(response, text);
  const date = Date.parse(response.headers.get("Date") ?? "");
  return {
    answer: (text === "" ? undefined : parse(text)) as Answer<Op>,
    // Whole seconds, cut off; and it was a while under way.
    asOf: date + 1000 + performance.now() - asked,
    openedAt: response.headers.get("x-frontdesk-opened-at"),
  };
}

function fill(template: string, { path = {}, query }: Call): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(path[name] ?? ""),
  );
  const asked = new URLSearchParams(query).toString();
  return asked ? `${filled}?${asked}` : filled;
}

function refused(response: Response, text: string): Failure {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfter = Number.isFinite(seconds) ? seconds : null;
  const problem = parse(text) as Partial<Problem> | undefined;
  if (!problem?.code || !problem.detail) {
    // Not from the API: a gateway before it that answers in its own words.
    return new Failure(
      "temporarily_unavailable",
      "This cannot be answered at the moment. Try again shortly.",
      response.status,
      retryAfter,
    );
  }
  return new Failure(
    problem.code,
    problem.detail,
    response.status,
    retryAfter,
    problem.attempts_left ?? null,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
