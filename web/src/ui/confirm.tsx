import type { ReactNode } from "react";
import type { Failure } from "../api/failure.ts";
import { Button } from "./button.tsx";
import { DialogFrame } from "./dialog-frame.tsx";
import { Notice } from "./notice.tsx";

export interface Question {
  title: string;
  children: ReactNode;
  /** The words of the button that does it. */
  action: string;
  cancel?: string;
}

interface Props extends Question {
  tone?: "danger" | "primary";
  busy?: boolean;
  failure?: Failure | null;
  onConfirm: () => void;
  onCancel: () => void;
}

/**
 * Asks before something that cannot be taken back. Stays open until it is done, and says when it
 * could not be. A click beside it is no answer. The focus is at the button that does nothing.
 */
export function Confirm(props: Props) {
  const { title, children, action, cancel = "Cancel", tone = "danger", busy = false } = props;
  const { failure, onConfirm, onCancel } = props;
  return (
    <DialogFrame
      role="alertdialog"
      title={title}
      description={children}
      onLeave={() => busy || onCancel()}
    >
      {failure && !busy && <Notice kind="problem">{failure.detail}</Notice>}
      <div className="dialog-actions">
        <Button refused={busy} onClick={onCancel}>
          {cancel}
        </Button>
        <Button tone={tone} busy={busy} onClick={onConfirm}>
          {action}
        </Button>
      </div>
    </DialogFrame>
  );
}
