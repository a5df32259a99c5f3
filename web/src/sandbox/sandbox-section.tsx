import { useRef } from "react";
import type { LoggedIn } from "../session/session.ts";
import { Button } from "../ui/button.tsx";
import { LoadProblem } from "../ui/load-problem.tsx";
import { Section } from "../ui/section.tsx";
import { SandboxStatus } from "./sandbox-status.tsx";
import { useSandbox } from "./use-sandbox.ts";
import "./sandbox.css";

export function SandboxSection({ session }: { session: LoggedIn }) {
  const { sandbox, validating, failure, reload, test, retry } = useSandbox(session);
  const status = useRef<HTMLDivElement>(null);
  const state = validating || !sandbox ? "validating" : sandbox.state;
  // Where nobody could find out, what was before says nothing.
  const broken = validating ? null : failure;

  /** The button goes away while it works; the focus waits at what tells the outcome. */
  function start(act: () => void) {
    status.current?.focus({ preventScroll: true });
    act();
  }

  return (
    <Section
      id="sandbox"
      title="Sandbox status"
      action={
        broken ? null : (
          <>
            {state === "ready" && <Button onClick={() => start(test)}>Test Connection</Button>}
            {state === "not_configured" && (
              <Button onClick={() => start(retry)}>Retry Auto-Configuration</Button>
            )}
          </>
        )
      }
    >
      <div className="sandbox-body">
        {broken ? (
          <LoadProblem failure={broken} onRetry={reload} busy={false} />
        ) : (
          <SandboxStatus ref={status} state={state} sandbox={sandbox} />
        )}
      </div>
    </Section>
  );
}
