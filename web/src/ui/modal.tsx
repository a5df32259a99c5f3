import { type ReactNode, useState } from "react";
import { Confirm, type Question } from "./confirm.tsx";
import { type DialogFocus, DialogFrame } from "./dialog-frame.tsx";

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
  focus?: DialogFocus;
  onClose: () => void;
}

/** For a form with something in it. */
export const DISCARD: Question = {
  title: "Discard what you typed?",
  action: "Discard",
  cancel: "Keep editing",
  children: <p>It was not sent, and is not kept.</p>,
};

/** Not its first button: the tooltip of an icon would come up by itself. */
export function focusDialog(event: Event) {
  event.preventDefault();
  (event.currentTarget as HTMLElement).focus();
}

/** A dialog over the page. */
export function Modal({ busy = false, question, onClose, ...frame }: Props) {
  const [asking, setAsking] = useState(false);

  function leave() {
    if (busy) return;
    if (question) setAsking(true);
    else onClose();
  }

  return (
    <>
      <DialogFrame {...frame} role="dialog" onLeave={leave} onClickBeside={leave} />
      {asking && question && (
        <Confirm {...question} onCancel={() => setAsking(false)} onConfirm={onClose} />
      )}
    </>
  );
}
