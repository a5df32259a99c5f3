import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { requestCode } from "../api/calls.ts";
import { type Failure, failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { Button } from "../ui/button.tsx";
import { wrongWithEmail } from "../ui/email.ts";
import { EmailField } from "../ui/email-field.tsx";
import { Notice } from "../ui/notice.tsx";
import { secondsFromNow, useSecondsLeft } from "../ui/use-seconds-left.ts";
import { type PendingLogin, pendingLogin } from "./challenge.ts";
import { DeclineInvitation } from "./decline-invitation.tsx";
import { LimitedNotice } from "./limited-notice.tsx";
import { TermsCheckbox } from "./terms-checkbox.tsx";
import { SUSPENDED } from "./words.ts";

interface Props {
  email: string;
  onEmail: (email: string) => void;
  terms: boolean;
  /** In this browser, and nothing was ticked or unticked since. */
  acceptedBefore: boolean;
  onTerms: (accepted: boolean) => void;
  /** Why this step is shown (again). */
  word: string | null;
  /** The link of an invitation that led here. */
  invitation: string | null;
  onDeclined: () => void;
  onSent: (pending: PendingLogin) => void;
}

export function EmailStep({
  email,
  onEmail,
  terms,
  acceptedBefore,
  onTerms,
  word,
  invitation,
  onDeclined,
  onSent,
}: Props) {
  const field = useRef<HTMLInputElement>(null);
  const wordId = useId();
  const [invalid, setInvalid] = useState<string | null>(null);
  const [limited, setLimited] = useState({ email: "", until: 0 });
  const wait = useSecondsLeft(limited.until);
  const waits = wait > 0 && limited.email === email.trim();
  const request = useAct({
    mutationFn: (to: string) =>
      requestCode({ email: to, accept_terms: true, ...(invitation && { invitation }) }),
    onSuccess: (answer, to) => onSent(pendingLogin(to, answer)),
    onError: (error, to) => refused(failureOf(error), to),
  });

  // The word is announced when it is there before the focus comes.
  useEffect(() => field.current?.focus(), []);

  function refused(failure: Failure, to: string) {
    if (failure.code === "invalid_email" || failure.code === "user_not_found") {
      setInvalid(failure.detail);
      field.current?.focus();
    }
    if (failure.code === "rate_limited")
      setLimited({ email: to, until: secondsFromNow(failure.retryAfter ?? 60) });
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!terms || waits) return;
    const wrong = wrongWithEmail(email);
    setInvalid(wrong);
    if (wrong) field.current?.focus();
    else request.mutate(email.trim());
  }

  const failure = request.error && failureOf(request.error);
  const elsewhere =
    failure && !["invalid_email", "user_not_found", "rate_limited"].includes(failure.code)
      ? failure.detail
      : null;
  return (
    <form className="login-step" onSubmit={submit} noValidate>
      <header>
        <h1>Log in</h1>
        <p className="muted">
          Enter your e-mail address. We mail you a code; there is no password.
        </p>
      </header>
      {word && (
        <Notice kind={word === SUSPENDED ? "problem" : "info"} id={wordId}>
          {word}
        </Notice>
      )}
      <EmailField
        ref={field}
        autoComplete="email"
        value={email}
        describedBy={word ? wordId : undefined}
        error={invalid}
        onKeyDown={(event) => {
          if (terms || event.key !== "Enter" || event.nativeEvent.isComposing) return;
          // Nothing would come of it, without a word: the button is disabled.
          event.preventDefault();
          event.currentTarget.form?.querySelector<HTMLElement>("[type=checkbox]")?.focus();
        }}
        onChange={(text) => {
          setInvalid(null);
          onEmail(text);
        }}
      />
      <div>
        <TermsCheckbox checked={terms} onChange={onTerms} />
        {acceptedBefore && <p className="field-help">You accepted them in this browser before.</p>}
      </div>
      {waits && <LimitedNotice seconds={wait} />}
      {elsewhere && !request.isPending && <Notice kind="problem">{elsewhere}</Notice>}
      <Button
        type="submit"
        tone="primary"
        wide
        disabled={!terms || waits || request.isPending}
        busy={request.isPending}
      >
        Send Code
      </Button>
      {invitation && <DeclineInvitation invitation={invitation} onDeclined={onDeclined} />}
    </form>
  );
}
