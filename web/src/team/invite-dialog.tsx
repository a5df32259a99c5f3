import { useRef, useState } from "react";
import type { TeamMember } from "../api/calls.ts";
import { useDraft } from "../session/drafts.ts";
import { EmailField } from "../ui/email-field.tsx";
import { FormModal } from "../ui/form-modal.tsx";
import { DISCARD } from "../ui/modal.tsx";
import { SelectField } from "../ui/select-field.tsx";
import { toast } from "../ui/toast-store.ts";
import { addressesIn, wrongAmong } from "./invitees.ts";
import { Outcomes } from "./outcomes.tsx";
import { ROLES, roleOf, WHAT_THEY_MAY } from "./roles.ts";
import { isAboutIt, type Outcome, useInvite } from "./use-invite.ts";

interface Props {
  memberId: string;
  /** Told whose invitation is to be mailed now. */
  onSent: (id: string) => void;
  onClose: () => void;
}

export function InviteDialog({ memberId, onSent, onClose }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const email = useDraft(`invitation:${memberId}`);
  const role = useDraft(`invitation:${memberId}:role`, ROLES.member);
  const [invalid, setInvalid] = useState<string | null>(null);
  const invite = useInvite({
    role: roleOf(role.text),
    onSent,
    onLeft: (addresses) => email.type(addresses.join(", ")),
    onDone: (invited) => {
      close();
      tell(invited);
    },
    onRefused: () => field.current?.focus(),
  });

  function close() {
    email.drop();
    role.drop();
    onClose();
  }

  function submit() {
    const addresses = addressesIn(email.text);
    const wrong = wrongAmong(addresses);
    setInvalid(wrong);
    if (wrong) field.current?.focus();
    else invite.mutate(addresses);
  }

  const { outcomes, isPending } = invite;
  const [only] = outcomes;
  const several = outcomes.length > 1;
  const failure = (!several && only?.failure) || null;
  const isAtField = failure !== null && isAboutIt(failure);
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
      busy={isPending}
      failure={isAtField ? null : failure}
      question={email.text.trim() ? DISCARD : null}
      onSubmit={submit}
      onClose={close}
    >
      <EmailField
        ref={field}
        required
        autoComplete="off"
        readOnly={isPending}
        value={email.text}
        help="Several at once: with a comma or a space between them."
        error={invalid ?? (several ? notInvited(outcomes) : isAtField ? failure.detail : null)}
        onChange={(text) => {
          setInvalid(null);
          invite.forget();
          email.type(text);
        }}
      />
      {several && <Outcomes outcomes={outcomes} />}
      <SelectField
        label="Role"
        help={WHAT_THEY_MAY[roleOf(role.text)]}
        options={Object.values(ROLES)}
        value={role.text}
        disabled={isPending}
        onChange={role.type}
      />
    </FormModal>
  );
}

function notInvited(outcomes: readonly Outcome[]): string {
  const left = outcomes.filter(({ member }) => !member).length;
  return `Not invited: ${left} of ${outcomes.length}. What was not sent stays here.`;
}

function tell(invited: readonly TeamMember[]) {
  const [first] = invited;
  if (!first) return;
  const text =
    invited.length > 1
      ? `${invited.length} people are invited. Mails with the link are on their way.`
      : `${first.email} is invited. A mail with the link is on its way.`;
  toast({ kind: "done", about: first.id, text });
}
