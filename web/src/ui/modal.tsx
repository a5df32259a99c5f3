import { Dialog } from "radix-ui";
import { type ComponentProps, type ReactNode, useState } from "react";
import { Confirm, type Question } from "./confirm.tsx";
import { Overlay } from "./overlay.tsx";
import { useReturnFocus } from "./use-return-focus.ts";

interface Props {
  title: string;
  description: ReactNode;
  children: ReactNode;
  /** At work: it stays until there is an answer. */
  busy?: boolean;
  /**
   * Asked before Escape, a click beside it or the back button closes it; null: nothing would be
   * lost. Its own buttons have said what they do.
   */
  question: Question | null;
  /** Where the focus goes, if not to its first field and back. */
  focus?: Pick<ComponentProps<typeof Dialog.Content>, "onOpenAutoFocus" | "onCloseAutoFocus">;
  onClose: () => void;
}

/** For a form with something in it. */
export const DISCARD: Question = {
  title: "Discard what you typed?",
  action: "Discard",
  cancel: "Keep editing",
  children: <p>It was not sent, and is not kept.</p>,
};

/** A dialog over the page. */
export function Modal(props: Props) {
  const { title, description, children, busy = false, question, focus, onClose } = props;
  const [asking, setAsking] = useState(false);
  const returnFocus = useReturnFocus();

  function leave() {
    if (busy) return;
    if (question) setAsking(true);
    else onClose();
  }

  return (
    <Dialog.Root open onOpenChange={leave}>
      <Dialog.Portal>
        <Overlay onBack={leave} onClickBeside={leave}>
          <Dialog.Content
            className="dialog"
            onPointerDownOutside={(event) => event.preventDefault()}
            {...(focus ?? returnFocus)}
          >
            <Dialog.Title className="dialog-title">{title}</Dialog.Title>
            <Dialog.Description asChild>
              <div className="dialog-description">{description}</div>
            </Dialog.Description>
            {children}
          </Dialog.Content>
        </Overlay>
      </Dialog.Portal>
      {asking && question && (
        <Confirm {...question} onCancel={() => setAsking(false)} onConfirm={onClose} />
      )}
    </Dialog.Root>
  );
}
