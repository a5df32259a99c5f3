import { useState } from "react";
import type { LoggedOut } from "../session/session.ts";
import { Brand } from "../ui/brand.tsx";
import { useDocumentTitle } from "../ui/use-document-title.ts";
import { keepPendingLogin, loadPendingLogin, type PendingLogin } from "./challenge.ts";
import { CodeStep } from "./code-step.tsx";
import { EmailStep } from "./email-step.tsx";
import { FAREWELLS, TOO_MANY_ATTEMPTS } from "./words.ts";
import "./login.css";

/** Both steps of the login: an address, then the code that was mailed to it. */
export function Login({ presence }: { presence: LoggedOut }) {
  useDocumentTitle("Log in");
  const [pending, setPending] = useState(loadPendingLogin);
  const [email, setEmail] = useState(pending?.email ?? presence.email);
  const [terms, setTerms] = useState(pending !== null);
  const [word, setWord] = useState<string | null>(presence.why && FAREWELLS[presence.why]);

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
            email={email}
            onEmail={setEmail}
            terms={terms}
            onTerms={setTerms}
            word={word}
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
