import type { ReactNode } from "react";

/** Fits into two lines of the narrowest screen, as a rule. */
const SHORT = 24;

/** What may be too long for its place: whole when it is pointed at, or has the focus. */
export function Cut({ text, children = text }: { text: string; children?: ReactNode }) {
  return (
    <span className="cell-name" title={text} tabIndex={text.length > SHORT ? 0 : undefined}>
      {children}
    </span>
  );
}
