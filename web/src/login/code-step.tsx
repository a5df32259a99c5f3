import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { getSession, requestCode, type Session, verifyCode } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { enter } from "../session/session.ts";
import { tellOtherTabs } from "../session/tabs.ts";
import { Address } from "../ui/address.tsx";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { useHistoryEntry } from "../ui/use-history-entry.ts";
import { secondsFromNow, useSecondsLeft } from "../ui/use-seconds-left.ts";
import { type PendingLogin, pendingLogin } from "./challenge.ts";
import { CODE_LENGTH, CodeBoxes } from "./code-boxes.tsx";
import { Countdown } from "./countdown.tsx";
import { keepInvitation } from "./invitation.ts";
import { LimitedNotice } from "./limited-notice.tsx";
import { ResendButton } from "./resend-button.tsx";
import { SUSPENDED, TOO_MANY_ATTEMPTS, wordsAboutCode } from "./words.ts";

interface Props {
  pending: PendingLogin;
  /** The link of an invitation that led here. */
  invitation: string | null;
  onResent: (pending: PendingLogin) => void;
  onChangeEmail: () => void;
  /** The login cannot go on, for the reason that these words tell. */
  onStopped: (word: string) => void;
}

export function CodeStep({ pending, invitation, onResent, onChangeEmail, onStopped }: Props) {
  const client = useQueryClient();
  const boxes = useRef<HTMLDivElement>(null);
  const again = useRef<HTMLButtonElement>(null);
  const problemId = useId();
  const [code, setCode] = useState("");
  const [expired, setExpired] = useState(false);
  const [limitedUntil, setLimitedUntil] = useState(0);
  const wait = useSecondsLeft(limitedUntil);
  const secondsLeft = useSecondsLeft(pending.expiresAt);
  const over = expired || secondsLeft === 0;

  useHistoryEntry(onChangeEmail);

  useEffect(() => focusFirst(boxes.current), []);

  const verify = useAct({
    mutationFn: (guess: string) => verifyCode({ challenge: pending.challenge, code: guess }),
    onSuccess: arrive,
    onError: async (error) => {
      const failure = failureOf(error);
      const spent = failure.code === "code_expired";
      // The answer to the right code may have been lost on its way, this time or the time before:
      // then the cookie is there all the same.
      if ((failure.mayPass || spent) && (await isLoggedIn())) return;
      if (spent) setExpired(true);
      // What was typed stays when the fault was not in it.
      if (!failure.mayPass) setCode("");
    },
  });

  function arrive(session: Session) {
    keepInvitation(null);
    tellOtherTabs("logged_in");
    enter(client, session);
  }

  async function isLoggedIn(): Promise<boolean> {
    try {
      arrive(await getSession({ signal: AbortSignal.timeout(5000) }));
      return true;
    } catch {
      return false;
    }
  }

  const resend = useAct({
    mutationFn: () =>
      requestCode({
        email: pending.email,
        accept_terms: true,
        challenge: pending.challenge,
        ...(invitation && { invitation }),
      }),
    onError: (error) => {
      const failure = failureOf(error);
      if (failure.code === "rate_limited")
        setLimitedUntil(secondsFromNow(failure.retryAfter ?? 60));
    },
  });
  const awaited = verify.isPending || resend.isPending;

  // What is done by `mutate` itself is done only while this step is there: nobody is led back to it
  // who left it meanwhile.
  function sendAgain() {
    resend.mutate(undefined, {
      onSuccess: (answer) => {
        verify.reset();
        setExpired(false);
        setCode("");
        onResent(pendingLogin(pending.email, answer));
      },
    });
  }

  function check(guess: string) {
    verify.mutate(guess, {
      onError: (error) => {
        const { code } = failureOf(error);
        if (code === "too_many_attempts") onStopped(TOO_MANY_ATTEMPTS);
        if (code === "account_suspended") onStopped(SUSPENDED);
      },
    });
  }

  const wrong = !verify.isPending && verify.error ? failureOf(verify.error) : null;
  const closed = over || wrong?.attemptsLeft === 0;

  // Boxes that are shut cannot keep the focus: it goes on to what helps.
  useLayoutEffect(() => {
    const focused = document.activeElement;
    if (closed && (focused === document.body || boxes.current?.contains(focused)))
      again.current?.focus();
  }, [closed]);
  // Before anybody sees the outcome, so that the focus never moves under fingers that type already.
  useLayoutEffect(() => {
    if (verify.isError) focusFirst(boxes.current);
  }, [verify.isError]);
  useLayoutEffect(() => {
    if (resend.isSuccess) focusFirst(boxes.current);
  }, [resend.isSuccess]);

  function submit(event: FormEvent) {
    event.preventDefault();
    // Read from the form: the boxes submit it by themselves, before the last digit is rendered.
    const guess = String(new FormData(event.currentTarget as HTMLFormElement).get("code") ?? "");
    if (guess.length === CODE_LENGTH && !awaited && !closed) check(guess);
  }

  const resendFailure = resend.error && failureOf(resend.error);
  const problem = over
    ? "This code has expired. Use “Resend code” to get a new one."
    : wrong && wordsAboutCode(wrong);
  return (
    <form className="login-step" onSubmit={submit} noValidate>
      <header>
        <h1>Enter your code</h1>
        <p className="muted">
          <span>{"If "}</span>
          <b className="address">
            <Address>{pending.email}</Address>
          </b>
          <span>{" is registered, a six-digit code is on its way there."}</span>
        </p>
      </header>
      <div className="code-entry">
        <CodeBoxes
          ref={boxes}
          value={code}
          onChange={(next) => {
            // A key may come before the boxes are seen to be shut.
            if (verify.isUnderWay() || resend.isUnderWay()) return;
            if (next !== "" && verify.isError) verify.reset();
            setCode(next);
          }}
          disabled={closed}
          readOnly={awaited}
          invalid={problem !== null}
          describedBy={problem ? problemId : undefined}
        />
        {(over || !closed) && <Countdown seconds={over ? 0 : secondsLeft} />}
      </div>
      <div className="login-messages">
        {problem && (
          <Notice kind="problem" id={problemId}>
            {problem}
          </Notice>
        )}
        {resend.isSuccess && !problem && (
          <Notice kind="info">
            A new code is on its way. Codes from earlier mails do not work any more.
          </Notice>
        )}
        {wait > 0 && <LimitedNotice seconds={wait} />}
        {resendFailure && resendFailure.code !== "rate_limited" && !resend.isPending && (
          <Notice kind="problem">{resendFailure.detail}</Notice>
        )}
      </div>
      <Button
        type="submit"
        tone="primary"
        wide
        disabled={code.length < CODE_LENGTH || closed}
        busy={verify.isPending}
      >
        Log in
      </Button>
      <div className="login-others">
        <ResendButton
          ref={again}
          // There is nothing to wait for when the code of the first mail opens nothing any more.
          availableAt={Math.max(closed ? 0 : pending.resendAt, limitedUntil)}
          busy={resend.isPending}
          refused={verify.isPending}
          onResend={sendAgain}
        />
        <Button tone="quiet" onClick={onChangeEmail}>
          Change email
        </Button>
      </div>
    </form>
  );
}

function focusFirst(boxes: HTMLElement | null): void {
  boxes?.querySelector("input")?.focus();
}
