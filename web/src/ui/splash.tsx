import type { Failure } from "../api/failure.ts";
import { Brand } from "./brand.tsx";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";
import { Spinner } from "./spinner.tsx";
import "./splash.css";

/** Before it is known who is there. */
export function Splash({ failure, onRetry }: { failure: Failure | null; onRetry: () => void }) {
  return (
    <main className="splash">
      <Brand />
      {failure ? (
        <>
          <h1 className="visually-hidden">Not available</h1>
          <Notice kind="problem">{failure.detail}</Notice>
          <Button onClick={onRetry}>Retry</Button>
        </>
      ) : (
        <div className="splash-wait">
          <Spinner />
          <h1 className="visually-hidden">Loading…</h1>
        </div>
      )}
    </main>
  );
}
