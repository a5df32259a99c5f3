/**
 * How old a verdict is, and whether it is of this login: told by what the server says, and never by
 * the browser's clock.
 */

import type { Sandbox, Session } from "../api/calls.ts";

/** A page load validates anew what is older. */
const FRESH_MS = 15_000;
/**
 * The post-login trigger starts within a second or two; after this long nobody waits for it any
 * more.
 */
const TRIGGER_MS = 10_000;

export function isFresh({ validated_at, asOf }: Sandbox): boolean {
  return validated_at !== null && asOf - Date.parse(validated_at) < FRESH_MS;
}

/**
 * Whether the verdict of the login's own provisioning is still to come: until then an older one
 * would mislead.
 */
export function awaitsTrigger(sandbox: Sandbox, { openedAt }: Session): boolean {
  if (openedAt === null || !(sandbox.asOf - Date.parse(openedAt) < TRIGGER_MS)) return false;
  if (sandbox.reason === "never_provisioned") return true;
  // Times of the API sort as texts.
  return sandbox.since < openedAt && (sandbox.validated_at ?? "") < openedAt;
}
