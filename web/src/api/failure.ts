import type { components } from "./schema.d.ts";

/** The stable names of the API's failures. */
export type ProblemCode = components["schemas"]["Problem"]["code"];

/** Failures that no server told: nothing was sent, or nothing came back. */
export type SilentCode = "offline" | "no_answer";

const SESSION_OVER: ReadonlySet<string> = new Set([
  "session_required",
  "session_ended",
  "session_expired",
  "account_suspended",
]);

/** Every way in which a call fails: a problem document of the API, or silence. */
export class Failure extends Error {
  override name = "Failure";

  constructor(
    readonly code: ProblemCode | SilentCode,
    /** A sentence that a person can act on. */
    readonly detail: string,
    readonly status: number,
    /** Seconds that the server asks to wait. */
    readonly retryAfter: number | null = null,
    /** Guesses that a login code still has. */
    readonly attemptsLeft: number | null = null,
  ) {
    super(code);
  }

  static offline(): Failure {
    return new Failure(
      "offline",
      "You are offline. Nothing was sent; try again once you are back.",
      0,
    );
  }

  static noAnswer(): Failure {
    return new Failure("no_answer", "No answer came back. Check your connection and try again.", 0);
  }

  /**
   * Whether the same call may go well a moment later. Until then it has no answer: what a gateway
   * says in its own words, whatever its status, is none of the API's.
   */
  get mayPass(): boolean {
    return this.status === 0 || this.status >= 500 || this.code === "temporarily_unavailable";
  }

  /** Whether it means that nobody is logged in (any more). */
  get endsSession(): boolean {
    return SESSION_OVER.has(this.code);
  }
}

/**
 * What was thrown, as a Failure. A fault of the console itself reads as no answer: it is shown,
 * never swallowed.
 */
export function failureOf(error: unknown): Failure {
  return error instanceof Failure ? error : Failure.noAnswer();
}

/** What went wrong, by where it is told: at the field that it is about, or elsewhere. */
export function toldAt<Code extends ProblemCode>(error: Error | null, ...fields: Code[]) {
  const failure = error && failureOf(error);
  const at = fields.map((code) => [code, failure?.code === code ? failure.detail : null]);
  return {
    ...(Object.fromEntries(at) as Record<Code, string | null>),
    elsewhere: failure && !fields.some((code) => code === failure.code) ? failure : null,
  };
}
