import type { Failure } from "../api/failure.ts";
import { Brand } from "./brand.tsx";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";
import { useDocumentTitle } from "./use-document-title.ts";
import "./spinner.css";
import "./splash.css";

/** In the place of a screen that fails again and again. */
export function Failed() {
  return (
    <main className="splash">
      <Brand />
      <h1 className="visually-hidden">Not available</h1>
      <Notice kind="problem">This page has failed. Nothing that was saved is lost.</Notice>
      <Button onClick={() => location.reload()}>Reload</Button>
    </main>
  );
}

/**
 * Where it cannot be known who is there. Until it is known the page shows what index.html has,
 * which was there before this.
 */
export function Splash({ failure, onRetry }: { failure: Failure; onRetry: () => void }) {
  return (
    <main className="splash">
      <Brand />
      <h1 className="visually-hidden">Not available</h1>
      <Notice kind="problem">{failure.detail}</Notice>
      <Button onClick={onRetry}>Retry</Button>
    </main>
  );
}

/** At a path that the console knows nothing of; the server gives it to all of them. */
export function Nowhere() {
  useDocumentTitle("Not found");
  return (
    <main className="splash">
      <Brand />
      <h1>There is nothing at this address</h1>
      <p>
        <a href="/">Go to API Keys &amp; Sandbox</a>
      </p>
    </main>
  );
}
