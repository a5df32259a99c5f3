import type { EventKind, TrailEvent } from "../api/calls.ts";

/** Kinds of events, in the order in which they are offered. */
export const KINDS: Record<EventKind, string> = {
  key: "API keys",
  member: "Team",
  session: "Logins",
  sandbox: "Sandbox",
  account: "Account",
};

/** What was done, between who did it and what it was done to. */
const WORDS: Record<TrailEvent["action"], string> = {
  key_created: "created the key",
  key_renamed: "renamed the key",
  key_expiry_changed: "changed the expiry of the key",
  key_rotated: "rotated the key",
  key_deleted: "deleted the key",
  member_invited: "invited",
  invitation_resent: "had an invitation mailed again to",
  invitation_ended: "ended the invitation of",
  role_changed: "changed the role of",
  member_revoked: "revoked the access of",
  member_left: "left the account",
  session_opened: "logged in",
  session_ended: "logged out",
  sandbox_key_created: "created the Sandbox key",
  sandbox_key_replaced: "replaced the Sandbox key",
  sandbox_key_revealed: "copied the Sandbox key",
  provisioning_requested: "asked for auto-configuration of the Sandbox",
  sandbox_ready: "validated the Sandbox: it is ready",
  sandbox_not_configured: "validated the Sandbox: it is not configured",
  account_created: "created the account",
  account_changed: "changed the account",
  account_suspended: "suspended the account",
  account_resumed: "resumed the account",
};

export function whatWasDone({ action, actor, subject }: TrailEvent): string {
  // By the link of the mail.
  if (action === "invitation_ended" && actor && "id" in actor && actor.id === subject?.id)
    return "declined the invitation of";
  if (subject?.kind === "session" && subject.label)
    return action === "session_ended" ? "ended the session" : "logged in with";
  if (subject?.kind === "member" && action === "session_ended") return "ended the sessions of";
  // One that is newer than this page is told by its name.
  return WORDS[action] ?? action.replaceAll("_", " ");
}
