import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { inviteMember } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { useDraft } from "../session/drafts.ts";
import { wrongWithEmail } from "../ui/email.ts";
import { EmailField } from "../ui/email-field.tsx";
import { FormModal } from "../ui/form-modal.tsx";
import { DISCARD } from "../ui/modal.tsx";
import { SelectField } from "../ui/select-field.tsx";
import { toast } from "../ui/toast-store.ts";
import { ROLES, roleOf, WHAT_THEY_MAY } from "./roles.ts";
import { teamQuery } from "./team-query.ts";

/** Answers that are about the address itself, and are told at its field. */
const ABOUT_THE_ADDRESS = ["invalid_email", "email_already_registered"];

interface Props {
  memberId: string;
  /** Told whose invitation is to be mailed now. */
  onSent: (id: string) => void;
  onClose: () => void;
}

export function InviteDialog({ memberId, onSent, onClose }: Props) {
  const client = useQueryClient();
  const field = useRef<HTMLInputElement>(null);
  const email = useDraft(`invitation:${memberId}`);
  const role = useDraft(`invitation:${memberId}:role`, ROLES.member);
  const [invalid, setInvalid] = useState<string | null>(null);
  const invite = useAct({
    mutationFn: () => inviteMember({ email: email.text.trim(), role: roleOf(role.text) }),
    onSuccess: async ({ member }) => {
      onSent(member.id);
      await client.invalidateQueries({ queryKey: teamQuery.queryKey });
      close();
      toast({
        kind: "done",
        about: member.id,
        text: `${member.email} is invited. A mail with the link is on its way.`,
      });
    },
    onError: (error) => {
      const failure = failureOf(error);
      if (ABOUT_THE_ADDRESS.includes(failure.code)) field.current?.focus();
      // A lost answer may have been a yes; a full account or a known address may be news to this
      // list.
      void client.invalidateQueries({ queryKey: teamQuery.queryKey });
    },
  });

  function close() {
    email.drop();
    role.drop();
    onClose();
  }

  function submit() {
    const wrong = wrongWithEmail(email.text);
    setInvalid(wrong);
    if (wrong) field.current?.focus();
    else invite.mutate();
  }

  const failure = invite.error && failureOf(invite.error);
  const isAboutIt = failure !== null && ABOUT_THE_ADDRESS.includes(failure.code);
  return (
    <FormModal
      title="Add member"
      description={
        <p>
          They get an e-mail and can log in at once with a mailed code; there is no password to set
          up.
        </p>
      }
      action="Send invitation"
      busy={invite.isPending}
      failure={isAboutIt ? null : failure}
      question={email.text.trim() ? DISCARD : null}
      onSubmit={submit}
      onClose={close}
    >
      <EmailField
        ref={field}
        required
        autoComplete="off"
        value={email.text}
        error={invalid ?? (isAboutIt ? failure.detail : null)}
        onChange={(text) => {
          setInvalid(null);
          invite.reset();
          email.type(text);
        }}
      />
      <SelectField
        label="Role"
        help={WHAT_THEY_MAY[roleOf(role.text)]}
        options={Object.values(ROLES)}
        value={role.text}
        onChange={role.type}
      />
    </FormModal>
  );
}
