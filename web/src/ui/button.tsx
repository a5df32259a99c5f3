import type { ComponentProps, MouseEvent, ReactNode } from "react";
import "./button.css";

interface Props extends Omit<ComponentProps<"button">, "className" | "children"> {
  icon?: ReactNode;
  children: string;
  tone?: "primary" | "plain" | "danger" | "quiet";
  /** At work: keeps its words and the focus, takes no second click. */
  busy?: boolean;
  /**
   * Why it cannot be used. Such a button can be reached, so that the reason can be read; `disabled`
   * ones cannot.
   */
  refused?: boolean;
  wide?: boolean;
}

export function Button({
  tone = "plain",
  busy = false,
  refused = false,
  wide = false,
  type = "button",
  icon,
  children,
  onClick,
  ...rest
}: Props) {
  const inert = busy || refused;
  function click(event: MouseEvent<HTMLButtonElement>) {
    if (inert) event.preventDefault();
    else onClick?.(event);
  }
  return (
    <button
      {...rest}
      type={type}
      className={`button ${tone}${wide ? " wide" : ""}`}
      aria-disabled={inert || undefined}
      aria-busy={busy || undefined}
      onClick={click}
    >
      <span className="button-label">
        {icon}
        <span>{children}</span>
      </span>
    </button>
  );
}
