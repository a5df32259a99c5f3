import { useId } from "react";
import { Button } from "./button.tsx";
import { Hint } from "./hint.tsx";
import { PlusIcon } from "./icons.tsx";

interface Props {
  id?: string;
  tone?: "primary" | "plain";
  /** Why it cannot be used: the limit is reached. */
  refused: string | null;
  /** Not known yet whether it can. */
  unknown: boolean;
  onClick: () => void;
  children: string;
}

/**
 * A button that adds one more, and that a limit may shut. It then stays within reach of keyboard
 * and pointer, to say why.
 */
export function LimitedButton({ id, tone = "plain", refused, unknown, onClick, children }: Props) {
  const reasonId = useId();
  return (
    <>
      {/* Also without a reason: a button that is made anew loses the focus and the pointer. */}
      <Hint text={refused}>
        <Button
          id={id}
          tone={tone}
          icon={<PlusIcon />}
          disabled={unknown}
          refused={refused !== null}
          aria-describedby={refused ? reasonId : undefined}
          onClick={onClick}
        >
          {children}
        </Button>
      </Hint>
      {refused && (
        <span id={reasonId} className="visually-hidden">
          {refused}
        </span>
      )}
    </>
  );
}
