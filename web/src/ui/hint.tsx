import { Tooltip } from "radix-ui";
import type { ReactNode } from "react";
import "./hint.css";

/**
 * A tooltip around a `Tooltip.Trigger`. What it says is said to screen readers elsewhere: a tooltip
 * is never the only place.
 */
export function Hint({ text, children }: { text: string; children: ReactNode }) {
  return (
    <Tooltip.Root disableHoverableContent>
      {children}
      <Tooltip.Portal>
        <Tooltip.Content aria-hidden className="tooltip" sideOffset={6} collisionPadding={8}>
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
