import { Tooltip } from "radix-ui";
import type { ReactNode } from "react";
import "./hint.css";

interface Props {
  /** Null while there is nothing to say. */
  text: string | null;
  /** The button that it is about. */
  children: ReactNode;
}

/** A tooltip. What it says is said to screen readers elsewhere: it is never the only place. */
export function Hint({ text, children }: Props) {
  return (
    <Tooltip.Root disableHoverableContent>
      {/* The focus that a dialog hands back asks nothing of the button, unless keys did it. */}
      <Tooltip.Trigger
        asChild
        onFocus={(event) => event.currentTarget.matches(":focus-visible") || event.preventDefault()}
      >
        {children}
      </Tooltip.Trigger>
      {text !== null && (
        <Tooltip.Portal>
          <Tooltip.Content aria-hidden className="tooltip" sideOffset={6} collisionPadding={8}>
            {text}
          </Tooltip.Content>
        </Tooltip.Portal>
      )}
    </Tooltip.Root>
  );
}
