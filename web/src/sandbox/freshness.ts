/** How old a validation may be to be taken as it is, and when this tab logged in. */

import type { Sandbox } from "../api/calls.ts";

const FRESH_MS = 60_000;
/** How far this browser's clock and the server's may be apart without anybody minding. */
const SKEW_MS = 5_000;
/** The post-login trigger starts within a second or two; after this long nobody waits for it any more. */
const TRIGGER_MS = 10_000;

let loggedInAt = Number.NEGATIVE_INFINITY;

/** This tab just logged in: the Sandbox is being configured behind it. */
export function noteLogin(at: number): void {
  loggedInAt = at;
}

/** The verdict of that login has come, or nobody waits for it any more: from now on, what the server says holds as it is. */
export function noteVerdict(): void {
  loggedInAt = Number.NEGATIVE_INFINITY;
}

export function isFresh(sandbox: Sandbox, now: number): boolean {
  if (sandbox.validated_at === null) return false;
  return Math.abs(now - Date.parse(sandbox.validated_at)) < FRESH_MS;
}

/** Whether the verdict of the login's own provisioning is still to come: until then an older one would mislead. */
export function awaitsTrigger(sandbox: Sandbox, now: number): boolean {
  if (now - loggedInAt > TRIGGER_MS) return false;
  return sandbox.validated_at === null || Date.parse(sandbox.validated_at) < loggedInAt - SKEW_MS;
}
