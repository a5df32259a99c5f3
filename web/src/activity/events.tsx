import { useEffect, useRef } from "react";
import type { EventKind } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { Button } from "../ui/button.tsx";
import { LoadProblem } from "../ui/load-problem.tsx";
import { EventRow } from "./event-row.tsx";
import { useActivity } from "./use-activity.ts";

/** What happened, of one kind or of all, as far as it was asked for. */
export function Events({ kind }: { kind: EventKind | null }) {
  const { events, asOf, error, refetch, isFetching, hasNextPage, more } = useActivity(kind);
  const end = useRef<HTMLParagraphElement>(null);
  // The button that had the focus is gone with the last page.
  useEffect(() => {
    if (more.isSuccess && !hasNextPage && document.activeElement === document.body)
      end.current?.focus({ preventScroll: true });
  }, [more.isSuccess, hasNextPage]);

  if (!events && error)
    return (
      <LoadProblem failure={failureOf(error)} onRetry={() => void refetch()} busy={isFetching} />
    );
  if (!events)
    return (
      <p className="table-empty" role="status">
        Loading…
      </p>
    );
  return (
    <>
      <ol className="events" aria-label="Events, newest first">
        {events.map((event) => (
          <EventRow key={event.id} event={event} asOf={asOf} />
        ))}
      </ol>
      {hasNextPage ? (
        <div className="events-end">
          {events.length === 0 && <p>Nothing was found so far.</p>}
          <Button busy={more.isPending} onClick={() => more.mutate()}>
            Show more
          </Button>
        </div>
      ) : (
        <p className="section-note" ref={end} tabIndex={-1}>
          {events.length > 0 ? "Nothing older is kept." : "There is nothing of this kind."}
        </p>
      )}
    </>
  );
}
