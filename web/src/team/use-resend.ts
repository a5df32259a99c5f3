import { useQueryClient } from "@tanstack/react-query";
import { resendInvitation, type TeamMember } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { toast } from "../ui/toast-store.ts";
import { goneWords, teamQuery } from "./team-query.ts";

/** Has the invitation of a member mailed again, and says how that went. */
export function useResend(onSent: (id: string) => void) {
  const client = useQueryClient();
  return useAct({
    mutationFn: (member: TeamMember) => resendInvitation(member.id),
    onSuccess: ({ member }) => {
      onSent(member.id);
      toast({
        kind: "done",
        about: member.id,
        text: `The invitation is mailed to ${member.email} again.`,
      });
    },
    onError: (error, member) => {
      const failure = failureOf(error);
      const text = failure.code === "member_not_found" ? goneWords(member) : failure.detail;
      if (!failure.endsSession) toast({ kind: "problem", text });
    },
    // Whatever was answered, the list may show somebody who came, or who is gone.
    onSettled: () => client.invalidateQueries({ queryKey: teamQuery.queryKey }),
  });
}
