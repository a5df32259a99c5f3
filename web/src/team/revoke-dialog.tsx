import { revokeMember } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { Confirm } from "../ui/confirm.tsx";
import { toast } from "../ui/toast-store.ts";
import { type MemberDialogProps, useMemberAct } from "./use-member-act.ts";

export function RevokeDialog(props: MemberDialogProps) {
  const { member, onClose } = props;
  const revoke = useMemberAct(props, {
    mutationFn: () => revokeMember(member.id),
    onDone: async (_, refresh) => {
      await refresh();
      onClose();
      toast({ kind: "done", about: member.id, text: `${member.email} has no access any more.` });
    },
  });

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
