import { useEffect, useState } from "react";
import type { LoggedOut } from "../session/session.ts";
import { Brand } from "../ui/brand.tsx";
import { useDocumentTitle } from "../ui/use-document-title.ts";
import { keepPendingLogin, loadPendingLogin, type PendingLogin } from "./challenge.ts";
import { CodeStep } from "./code-step.tsx";
import { EmailStep } from "./email-step.tsx";
import { keepInvitation, takeInvitation } from "./invitation.ts";
import { DECLINED, FAREWELLS, INVITED, TOO_MANY_ATTEMPTS } from "./words.ts";
import "./login.css";

/** Both steps of the login: an address, then the code that was mailed to it. */
export function Login({ presence }: { presence: LoggedOut }) {
  useDocumentTitle("Log in");
  const [pending, setPending] = useState(loadPendingLogin);
  const [email, setEmail] = useState(pending?.email ?? presence.email);
  const [terms, setTerms] = useState(pending !== null);
  const [invitation, setInvitation] = useState(takeInvitation);
  const [word, setWord] = useState<string | null>(
    invitation ? INVITED : presence.why && FAREWELLS[presence.why],
  );

  // A link that is opened where the console is open already only changes the address.
  useEffect(() => {
    function follow() {
      const taken = takeInvitation();
      setInvitation(taken);
      if (taken) setWord(INVITED);
    }
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);

  function proceed(next: PendingLogin | null) {
    keepPendingLogin(next);
    setPending(next);
  }

  return (
    <main className="login">
      <div className="login-card">
        <Brand />
        {pending ? (
          <CodeStep
            pending={pending}
            invitation={invitation}
            onResent={proceed}
            onChangeEmail={() => {
              setWord(null);
              proceed(null);
            }}
            onTooManyAttempts={() => {
              setWord(TOO_MANY_ATTEMPTS);
              proceed(null);
            }}
          />
        ) : (
          <EmailStep
            // Begun anew, focus and all, when there is an invitation no more.
            key={invitation}
            email={email}
            onEmail={setEmail}
            terms={terms}
            onTerms={setTerms}
            word={word}
            invitation={invitation}
            onDeclined={() => {
              keepInvitation(null);
              setInvitation(null);
              setWord(DECLINED);
            }}
            onSent={(sent) => {
              setWord(null);
              proceed(sent);
            }}
          />
        )}
      </div>
    </main>
  );
}
