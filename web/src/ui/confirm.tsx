import { AlertDialog } from "radix-ui";
import type { ReactNode } from "react";
import type { Failure } from "../api/failure.ts";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";
import { Overlay } from "./overlay.tsx";
import { useReturnFocus } from "./use-return-focus.ts";

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
 * could not be. A click beside it is no answer.
 */
export function Confirm(props: Props) {
  const { title, children, action, cancel = "Cancel", tone = "danger" } = props;
  const { busy = false, failure } = props;
  const focus = useReturnFocus();
  const leave = () => busy || props.onCancel();
  return (
    <AlertDialog.Root open onOpenChange={leave}>
      <AlertDialog.Portal>
        <Overlay onBack={leave}>
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
              <Button tone={tone} busy={busy} onClick={props.onConfirm}>
                {action}
              </Button>
            </div>
          </AlertDialog.Content>
        </Overlay>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
