import { useId } from "react";
import type { OwnSession } from "../api/calls.ts";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Minute } from "../ui/when.tsx";

interface Props {
  session: OwnSession;
  /** When the list was told. */
  asOf: number;
  busy: boolean;
  /** Another one is being ended. */
  refused: boolean;
  onEnd: () => void;
}

export function SessionRow({ session, asOf, busy, refused, onEnd }: Props) {
  const id = useId();
  return (
    <li>
      <div className="list-words" id={id}>
        <span className="list-title">
          <b>{session.label}</b>
          {session.current && <Badge tone="accent">This one</Badge>}
        </span>
        <span className="list-under">
          <span>Opened </span>
          <Minute at={session.opened_at} now={asOf} />
          <span>, last used </span>
          <Minute at={session.used_at} now={asOf} />
        </span>
      </div>
      {!session.current && (
        <Button
          aria-label={`End session: ${session.label}`}
          aria-describedby={id}
          busy={busy}
          refused={refused}
          // The second half of a double click may fall on the row that has moved up.
          onClick={({ detail }) => detail < 2 && onEnd()}
        >
          End
        </Button>
      )}
    </li>
  );
}
