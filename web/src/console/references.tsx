import { useSettings } from "../settings.ts";
import { Away } from "../ui/away.tsx";
import "./references.css";

/** What the page refers to at its end. */
export function References() {
  const { docsUrl, privacyUrl } = useSettings();
  if (!docsUrl && !privacyUrl) return null;
  return (
    <footer className="references">
      {docsUrl && (
        <>
          <p>
            <Away href={`${docsUrl}#sandbox-overview`}>Sandbox Overview</Away>
            <span className="muted">Learn about the Sandbox workflow and quota</span>
          </p>
          <p>
            <Away href={`${docsUrl}#authentication`}>Authentication</Away>
            <span className="muted">How OTP login works</span>
          </p>
        </>
      )}
      {privacyUrl && (
        <p>
          <Away href={privacyUrl}>Privacy</Away>
        </p>
      )}
    </footer>
  );
}
