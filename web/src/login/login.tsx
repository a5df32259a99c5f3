import { useEffect, useLayoutEffect, useState } from "react";
import type { LoggedOut } from "../session/session.ts";
import { useSettings } from "../settings.ts";
import { Brand } from "../ui/brand.tsx";
import { useDocumentTitle } from "../ui/use-document-title.ts";
import { keepPendingLogin, loadPendingLogin, type PendingLogin } from "./challenge.ts";
import { CodeStep } from "./code-step.tsx";
import { EmailStep } from "./email-step.tsx";
import { keepInvitation, takeInvitation } from "./invitation.ts";
import { LoginLinks } from "./login-links.tsx";
import { isAccepted, keepAcceptance } from "./terms.ts";
import { DECLINED, FAREWELLS, INVITED } from "./words.ts";
import "./login.css";

/** Both steps of the login: an address, then the code that was mailed to it. */
export function Login({ presence }: { presence: LoggedOut }) {
  useDocumentTitle("Log in");
  const [pending, setPending] = useState(loadPendingLogin);
  const [email, setEmail] = useState(pending?.email ?? presence.email);
  const { termsUrl } = useSettings();
  // Where nothing was ticked or unticked on this page, what this browser keeps holds.
  const [ticked, setTicked] = useState<boolean | null>(pending && true);
  const acceptedBefore = ticked === null && isAccepted(termsUrl);
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

  useKept(pending);

  return (
    <main className="login">
      <div className="login-card">
        <Brand />
        {pending ? (
          <CodeStep
            pending={pending}
            invitation={invitation}
            onResent={setPending}
            onChangeEmail={() => {
              setWord(null);
              setPending(null);
            }}
            onStopped={(reason) => {
              setWord(reason);
              setPending(null);
            }}
          />
        ) : (
          <EmailStep
            // Begun anew, focus and all, when there is an invitation no more.
            key={invitation}
            email={email}
            onEmail={setEmail}
            terms={ticked ?? acceptedBefore}
            acceptedBefore={acceptedBefore}
            onTerms={(accepted) => {
              setTicked(accepted);
              keepAcceptance(accepted, termsUrl);
            }}
            word={word}
            invitation={invitation}
            onDeclined={() => {
              keepInvitation(null);
              setInvitation(null);
              setWord(DECLINED);
            }}
            onSent={(sent) => {
              setWord(null);
              setPending(sent);
            }}
          />
        )}
      </div>
      <LoginLinks />
    </main>
  );
}

/** Keeps it for a reload, from when it is there until this is over, whoever logged in where. */
function useKept(pending: PendingLogin | null) {
  useLayoutEffect(() => {
    const keep = () => keepPendingLogin(pending);
    keep();
    // A page that goes, or is hidden and may never be shown again.
    const moments = ["pagehide", "visibilitychange"];
    for (const moment of moments) window.addEventListener(moment, keep);
    return () => {
      for (const moment of moments) window.removeEventListener(moment, keep);
      keepPendingLogin(null);
    };
  }, [pending]);
}
