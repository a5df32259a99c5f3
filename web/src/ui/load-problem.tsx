import type { Failure } from "../api/failure.ts";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";
import "./load-problem.css";

/** In the place of what could not be loaded. */
export function LoadProblem({
  failure,
  onRetry,
  busy,
}: {
  failure: Failure;
  onRetry: () => void;
  busy: boolean;
}) {
  return (
    <div className="load-problem">
      <Notice kind="problem">{failure.detail}</Notice>
      <Button onClick={onRetry} busy={busy}>
        Retry
      </Button>
    </div>
  );
}
