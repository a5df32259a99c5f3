import { type ReactNode, useId } from "react";
import "./section.css";

interface Props {
  id: string;
  title: string;
  /** Beside the title: a count. */
  aside?: ReactNode;
  /** On the right: the section's button. */
  action?: ReactNode;
  children: ReactNode;
}

/** One of the page's blocks. */
export function Section({ id, title, aside, action, children }: Props) {
  const titleId = useId();
  return (
    <section className="section" id={id} aria-labelledby={titleId}>
      <header className="section-head">
        <div className="section-title">
          <h2 id={titleId} tabIndex={-1}>
            {title}
          </h2>
          {aside}
        </div>
        {action}
      </header>
      {children}
    </section>
  );
}
