import { revokeMember } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useKeysMade, wordsAboutMade } from "../keys/keys-made.ts";
import { Confirm } from "../ui/confirm.tsx";
import { toast } from "../ui/toast-store.ts";
import { type MemberDialogProps, useMemberAct } from "./use-member-act.ts";

export function RevokeDialog(props: MemberDialogProps) {
  const { member, onRevoked, onClose } = props;
  const { made } = useKeysMade(member.id);
  const revoke = useMemberAct(props, {
    mutationFn: () => revokeMember(member.id),
    onDone: async (_, refresh) => {
      await refresh();
      onClose();
      if (made.length > 0) onRevoked(member);
      toast({ kind: "done", about: member.id, text: `${member.email} has no access any more.` });
    },
  });

  return (
    <Confirm
      title={`Revoke access of ${member.email}?`}
      action="Revoke access"
      busy={revoke.isPending}
      failure={revoke.error && failureOf(revoke.error)}
      onCancel={onClose}
      onConfirm={() => revoke.mutate()}
    >
      <p>
        Access ends immediately: they are logged out everywhere and cannot log in again until they
        are re-invited.
      </p>
      {made.length > 0 && <p>{wordsAboutMade(made)}</p>}
      <p>API keys stay as they are. A key that this person knows works until it is deleted.</p>
    </Confirm>
  );
}
