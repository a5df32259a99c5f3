import { useSettings } from "../settings.ts";
import { Away } from "../ui/away.tsx";

/** Below the card: for whoever has no account, or wants to read first. */
export function LoginLinks() {
  const { contactUrl, privacyUrl, docsUrl } = useSettings();
  if (!contactUrl && !privacyUrl && !docsUrl) return null;
  return (
    <footer className="login-links">
      {contactUrl && (
        <p>
          <span>No account? </span>
          <Away href={contactUrl}>Contact us</Away>
        </p>
      )}
      {docsUrl && <Away href={docsUrl}>Documentation</Away>}
      {privacyUrl && <Away href={privacyUrl}>Privacy</Away>}
    </footer>
  );
}
