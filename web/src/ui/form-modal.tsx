import type { FormEvent, ReactNode } from "react";
import type { Failure } from "../api/failure.ts";
import { Button } from "./button.tsx";
import type { Question } from "./confirm.tsx";
import { Modal } from "./modal.tsx";
import { Notice } from "./notice.tsx";

interface Props {
  title: string;
  description: ReactNode;
  children: ReactNode;
  /** The words of the button that sends it. */
  action: string;
  busy: boolean;
  /** What is not told at a field. */
  failure: Failure | null;
  question: Question | null;
  onSubmit: () => void;
  onClose: () => void;
}

/** A dialog with a form. What is under way has its answer waited for. */
export function FormModal(props: Props) {
  const { title, description, children, action, busy, failure, question, onSubmit, onClose } =
    props;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!busy) onSubmit();
  }

  return (
    <Modal
      title={title}
      description={description}
      busy={busy}
      question={question}
      onClose={onClose}
    >
      <form onSubmit={submit} noValidate>
        {children}
        {failure && !busy && !failure.endsSession && (
          <Notice kind="problem">{failure.detail}</Notice>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose} refused={busy}>
            Cancel
          </Button>
          <Button type="submit" tone="primary" busy={busy}>
            {action}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
