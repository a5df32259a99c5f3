import { useQueryClient } from "@tanstack/react-query";
import { revokeMember, type TeamMember } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { Confirm } from "../ui/confirm.tsx";
import { toast } from "../ui/toast-store.ts";
import { useGone } from "../ui/use-gone.ts";
import { goneWords, teamQuery } from "./team-query.ts";

interface Props {
  member: TeamMember;
  /** Whether the list still has them. */
  listed: boolean;
  onClose: () => void;
}

export function RevokeDialog({ member, listed, onClose }: Props) {
  const client = useQueryClient();
  const revoke = useAct({
    mutationFn: () => revokeMember(member.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: teamQuery.queryKey });
      onClose();
      toast({ kind: "done", about: member.id, text: `${member.email} has no access any more.` });
    },
    onError: async (error) => {
      const failure = failureOf(error);
      await client.invalidateQueries({ queryKey: teamQuery.queryKey });
      if (failure.code !== "member_not_found") return;
      onClose();
      toast({ kind: "problem", text: goneWords(member) });
    },
  });
  useGone(!listed && !revoke.isPending && !revoke.isSuccess, goneWords(member), onClose);

  return (
    <Confirm
      title={member.you ? "Revoke your own access?" : `Revoke access of ${member.email}?`}
      action="Revoke access"
      busy={revoke.isPending}
      failure={revoke.error && failureOf(revoke.error)}
      onCancel={onClose}
      onConfirm={() => revoke.mutate()}
    >
      {member.you ? (
        <p>
          You are logged out at once, everywhere, and cannot log in again until another admin
          invites you.
        </p>
      ) : (
        <p>
          Access ends immediately: they are logged out everywhere and cannot log in again until they
          are re-invited.
        </p>
      )}
      <p>API keys stay as they are. A key that this person knows works until it is deleted.</p>
    </Confirm>
  );
}
