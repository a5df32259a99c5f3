import { useLayoutEffect, useRef } from "react";
import { ActivitySection } from "../activity/activity-section.tsx";
import { KeysSection } from "../keys/keys-section.tsx";
import { SandboxSection } from "../sandbox/sandbox-section.tsx";
import type { LoggedIn } from "../session/session.ts";
import { TeamSection } from "../team/team-section.tsx";
import { useDocumentTitle } from "../ui/use-document-title.ts";
import { UsageSection } from "../usage/usage-section.tsx";
import { Header } from "./header.tsx";
import { NamedBlock } from "./named-block.ts";
import { References } from "./references.tsx";
import "./console.css";

/** The page: independent blocks, two of which are for admins, and one for accounts with limits. */
export function Console({ session }: { session: LoggedIn }) {
  useDocumentTitle("API Keys & Sandbox");
  const admin = session.member.role === "admin";
  const main = useRef<HTMLElement>(null);
  const arrived = useRef(session.arrived);
  // The box that had the focus is gone with the login; what is read out next is the page, and what
  // is seen is its beginning.
  useLayoutEffect(() => {
    if (!arrived.current) return;
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, []);
  return (
    <>
      <a className="skip" href="#main">
        Skip to main content
      </a>
      <Header session={session} />
      <main className="page" id="main" ref={main} tabIndex={-1}>
        <div className="page-head">
          <h1>API Keys &amp; Sandbox</h1>
          <p className="muted">Everything related to API access is managed from here.</p>
        </div>
        <SandboxSection session={session} />
        <KeysSection session={session} />
        {admin && <TeamSection session={session} />}
        <UsageSection />
        {admin && <ActivitySection />}
        <References />
        <NamedBlock />
      </main>
    </>
  );
}
