import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changeRole, type Role } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { sessionQuery } from "../session/session.ts";
import { Confirm } from "../ui/confirm.tsx";
import { toast } from "../ui/toast-store.ts";
import { WHAT_THEY_MAY } from "./roles.ts";
import { type MemberDialogProps, useMemberAct } from "./use-member-act.ts";

/** Makes an admin of a member, or a member of an admin. */
export function RoleDialog(props: MemberDialogProps) {
  const { member, onClose } = props;
  const client = useQueryClient();
  // What was asked for, whatever the list says by now.
  const [role] = useState<Role>(member.role === "admin" ? "member" : "admin");
  const called = role === "admin" ? "an admin" : "a member";
  const change = useMemberAct(props, {
    mutationFn: () => changeRole(member.id, role),
    onDone: async (_, refresh) => {
      // Who gave the role up may not read the list any more; the page without it comes first.
      if (member.you) await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
      else await refresh();
      onClose();
      const who = member.you ? "You are" : `${member.email} is`;
      toast({ kind: "done", about: member.id, text: `${who} ${called} now.` });
    },
  });

  return (
    <Confirm
      title={member.you ? "Give up being an admin?" : `Make ${member.email} ${called}?`}
      action={`Make ${called}`}
      tone={role === "admin" ? "primary" : "danger"}
      busy={change.isPending}
      failure={change.error && failureOf(change.error)}
      onCancel={onClose}
      onConfirm={() => change.mutate()}
    >
      <p>{WHAT_THEY_MAY[role]}</p>
      {member.you && <p>Only another admin can make you one again.</p>}
    </Confirm>
  );
}
