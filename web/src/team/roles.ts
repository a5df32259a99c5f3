import type { Role } from "../api/calls.ts";

/** As people call them. */
export const ROLES: Record<Role, string> = { member: "Member", admin: "Admin" };

/** What each may do. */
export const WHAT_THEY_MAY: Record<Role, string> = {
  member:
    "Members use everything the API offers. " +
    "They cannot manage API keys or members, or see who else has access.",
  admin: "Admins manage API keys and members, and see what happened in the account.",
};

/** Of the word for it. */
export const roleOf = (word: string): Role => (word === ROLES.admin ? "admin" : "member");
