import type { Ref } from "react";
import type { Sandbox } from "../api/calls.ts";
import { AlertIcon, CheckIcon } from "../ui/icons.tsx";
import { Spinner } from "../ui/spinner.tsx";
import { Minute } from "../ui/when.tsx";
import { REASONS } from "./reasons.ts";

interface Props {
  ref: Ref<HTMLDivElement>;
  state: Sandbox["state"];
  sandbox: Sandbox | null;
}

const TITLES: Record<Sandbox["state"], string> = {
  validating: "Validating connection…",
  ready: "Sandbox ready",
  not_configured: "Sandbox not configured",
};

/** The state in words. Changes are read out: this is a live region. */
export function SandboxStatus({ ref, state, sandbox }: Props) {
  return (
    <div
      className={`sandbox-status ${state}`}
      ref={ref}
      tabIndex={-1}
      role="status"
      data-state={state}
    >
      <span className="sandbox-sign">
        {state === "validating" && <Spinner />}
        {state === "ready" && <CheckIcon />}
        {state === "not_configured" && <AlertIcon />}
      </span>
      <div className="sandbox-words">
        <p className="sandbox-title">{TITLES[state]}</p>
        {state === "validating" && (
          <p>Checking that the Sandbox’s reserved key is active and responding correctly.</p>
        )}
        {state === "ready" && sandbox && <Ready sandbox={sandbox} />}
        {state === "not_configured" && <NotConfigured reason={sandbox?.reason ?? null} />}
      </div>
    </div>
  );
}

function Ready({ sandbox: { validated_at, asOf } }: { sandbox: Sandbox }) {
  return (
    <>
      <p>The reserved key is active and responding correctly. There is nothing to do.</p>
      {validated_at && (
        <p className="sandbox-meta">
          <span>Last validated </span>
          <Minute at={validated_at} now={asOf} />
        </p>
      )}
    </>
  );
}

function NotConfigured({ reason }: { reason: Sandbox["reason"] }) {
  const words = reason && REASONS[reason];
  return (
    <>
      {words && <p>{`${words.what} ${words.help}`}</p>}
      <p>
        <span>Click </span>
        <b>Retry Auto-Configuration</b>
        <span>. If it still fails, go to the </span>
        <a href="#api-keys">API keys</a>
        <span> section and ensure at least one valid key exists, then retry.</span>
      </p>
    </>
  );
}
