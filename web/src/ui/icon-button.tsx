import { type ComponentProps, type MouseEvent, type ReactNode, useId } from "react";
import { Hint } from "./hint.tsx";
import "./icon-button.css";

type Rest = "id" | "aria-haspopup" | "aria-expanded" | "popoverTarget" | "onKeyDown";

interface Props extends Pick<ComponentProps<"button">, Rest> {
  label: string;
  icon: ReactNode;
  tone?: "plain" | "danger";
  /** Why it cannot be used now. */
  refused?: string | null;
  pressed?: boolean;
  onClick: (event: MouseEvent<HTMLButtonElement>) => void;
}

/**
 * A button that is an icon: named for those who do not see it, explained to those who point at it.
 */
export function IconButton({
  label,
  icon,
  tone = "plain",
  refused = null,
  pressed,
  onClick,
  ...rest
}: Props) {
  const reasonId = useId();
  return (
    <Hint text={refused ?? label}>
      <button
        {...rest}
        type="button"
        className={`icon-button ${tone}`}
        aria-label={label}
        aria-pressed={pressed}
        aria-disabled={refused ? true : undefined}
        aria-describedby={refused ? reasonId : undefined}
        onClick={(event) => (refused ? event.preventDefault() : onClick(event))}
      >
        {icon}
        {refused && (
          <span id={reasonId} className="visually-hidden">
            {refused}
          </span>
        )}
      </button>
    </Hint>
  );
}
