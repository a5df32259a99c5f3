import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { inviteMember } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { useDraft } from "../session/drafts.ts";
import { Button } from "../ui/button.tsx";
import { wrongWithEmail } from "../ui/email.ts";
import { EmailField } from "../ui/email-field.tsx";
import { DISCARD, Modal } from "../ui/modal.tsx";
import { Notice } from "../ui/notice.tsx";
import { toast } from "../ui/toast-store.ts";
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
  const [invalid, setInvalid] = useState<string | null>(null);
  const invite = useAct({
    mutationFn: inviteMember,
    onSuccess: async ({ member }) => {
      onSent(member.id);
      await client.invalidateQueries({ queryKey: teamQuery.queryKey });
      email.drop();
      onClose();
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
    onClose();
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (invite.isPending) return;
    const wrong = wrongWithEmail(email.text);
    setInvalid(wrong);
    if (wrong) field.current?.focus();
    else invite.mutate(email.text.trim());
  }

  const failure = invite.error && !invite.isPending ? failureOf(invite.error) : null;
  const aboutTheAddress =
    failure && ABOUT_THE_ADDRESS.includes(failure.code) ? failure.detail : null;
  return (
    <Modal
      title="Add member"
      busy={invite.isPending}
      question={email.text.trim() ? DISCARD : null}
      onClose={close}
      description={
        <p>
          They get an e-mail and can log in at once with a mailed code; there is no password to set
          up.
        </p>
      }
    >
      <form onSubmit={submit} noValidate>
        <EmailField
          ref={field}
          required
          autoComplete="off"
          value={email.text}
          error={invalid ?? aboutTheAddress}
          onChange={(text) => {
            setInvalid(null);
            invite.reset();
            email.type(text);
          }}
        />
        {failure && !aboutTheAddress && !failure.endsSession && (
          <Notice kind="problem">{failure.detail}</Notice>
        )}
        <div className="dialog-actions">
          <Button onClick={close} refused={invite.isPending}>
            Cancel
          </Button>
          <Button type="submit" tone="primary" busy={invite.isPending}>
            Send invitation
          </Button>
        </div>
      </form>
    </Modal>
  );
}
