import { AlertDialog } from "radix-ui";
import type { ReactNode } from "react";
import type { Failure } from "../api/failure.ts";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";
import { useReturnFocus } from "./use-return-focus.ts";
import "./dialog.css";

interface Props {
  open: boolean;
  title: string;
  children: ReactNode;
  /** The words of the button that does it. */
  action: string;
  cancel?: string;
  busy?: boolean;
  failure?: Failure | null;
  onConfirm: () => void;
  onCancel: () => void;
}

/**
 * Asks before something that cannot be taken back. Stays open until it is done, and says when it
 * could not be.
 */
export function Confirm({
  open,
  title,
  children,
  action,
  cancel = "Cancel",
  busy = false,
  failure,
  onConfirm,
  onCancel,
}: Props) {
  const focus = useReturnFocus();
  return (
    <AlertDialog.Root open={open} onOpenChange={(next) => next || busy || onCancel()}>
      <AlertDialog.Portal>
        <div className="overlay">
          <AlertDialog.Content className="dialog narrow" {...focus}>
            <AlertDialog.Title className="dialog-title">{title}</AlertDialog.Title>
            <AlertDialog.Description asChild>
              <div className="dialog-description">{children}</div>
            </AlertDialog.Description>
            {failure && !busy && <Notice kind="problem">{failure.detail}</Notice>}
            <div className="dialog-actions">
              <AlertDialog.Cancel asChild>
                <Button refused={busy}>{cancel}</Button>
              </AlertDialog.Cancel>
              <Button tone="danger" busy={busy} onClick={onConfirm}>
                {action}
              </Button>
            </div>
          </AlertDialog.Content>
        </div>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
