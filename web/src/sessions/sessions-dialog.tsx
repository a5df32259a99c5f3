import { failureOf } from "../api/failure.ts";
import { Button } from "../ui/button.tsx";
import { LoadProblem } from "../ui/load-problem.tsx";
import { focusDialog, Modal } from "../ui/modal.tsx";
import { Notice } from "../ui/notice.tsx";
import { SessionRow } from "./session-row.tsx";
import { useEndSession, useSessions } from "./use-sessions.ts";
import "../ui/list.css";

/** Where somebody is logged in, with what ends that. */
export function SessionsDialog({ onClose }: { onClose: () => void }) {
  const { data, error, refetch, isFetching } = useSessions();
  const end = useEndSession();
  const failure = end.error && failureOf(end.error);
  const isOver = failure?.code === "session_not_found" || failure?.endsSession;
  return (
    <Modal
      title="Where you are logged in"
      description={<p>End what you do not know, or do not use any more.</p>}
      question={null}
      focus={{ onOpenAutoFocus: focusDialog }}
      onClose={onClose}
    >
      {data ? (
        <ul className="list" aria-label="Sessions">
          {data.sessions.map((session) => (
            <SessionRow
              key={session.id}
              session={session}
              asOf={data.asOf}
              busy={end.isPending && end.variables?.id === session.id}
              refused={end.isPending}
              onEnd={() => end.mutate(session)}
            />
          ))}
        </ul>
      ) : error ? (
        <LoadProblem failure={failureOf(error)} onRetry={() => void refetch()} busy={isFetching} />
      ) : (
        <p className="muted" role="status">
          Loading…
        </p>
      )}
      {failure && !isOver && !end.isPending && <Notice kind="problem">{failure.detail}</Notice>}
      <div className="dialog-actions">
        {data && data.sessions.length > 1 && (
          <Button
            busy={end.isPending && end.variables === null}
            refused={end.isPending}
            onClick={() => end.mutate(null)}
          >
            End all others
          </Button>
        )}
        <Button tone="primary" onClick={onClose}>
          Close
        </Button>
      </div>
    </Modal>
  );
}
