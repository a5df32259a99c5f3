import type { ReactNode } from "react";
import { AlertIcon, InfoIcon } from "./icons.tsx";
import "./notice.css";

/** A sentence that somebody has to notice where they are. */
export function Notice({
  kind,
  id,
  children,
}: {
  kind: "info" | "problem";
  id?: string;
  children: ReactNode;
}) {
  return (
    <div className={`notice ${kind}`} role={kind === "problem" ? "alert" : "status"} id={id}>
      {kind === "problem" ? <AlertIcon /> : <InfoIcon />}
      <p>{children}</p>
    </div>
  );
}
