import { queryOptions } from "@tanstack/react-query";
import { listMembers, type TeamMember } from "../api/calls.ts";

/** For admins alone: members may not see who else has access. */
export const teamQuery = queryOptions({ queryKey: ["team"], queryFn: listMembers });

/** About somebody whom the list had, and who is not in the account any more. */
export function goneWords({ email, status }: TeamMember): string {
  return status === "active"
    ? `${email} is not a member any more.`
    : `The invitation of ${email} is over: it was declined, revoked or too old.`;
}
