import { Dialog } from "radix-ui";
import type { ReactNode } from "react";
import { useReturnFocus } from "./use-return-focus.ts";
import "./dialog.css";

interface Props {
  open: boolean;
  /** Asked to close: Escape, or a click beside it. */
  onClose: () => void;
  title: string;
  description: ReactNode;
  children: ReactNode;
}

/**
 * A dialog over the page.
 *
 * The overlay is a plain element, not Radix's: that one locks scrolling by a style element that it
 * writes into the page, which the content security policy forbids. `:has(.overlay)` in dialog.css
 * does it instead.
 */
export function Modal({ open, onClose, title, description, children }: Props) {
  const focus = useReturnFocus();
  return (
    <Dialog.Root open={open} onOpenChange={(next) => next || onClose()}>
      <Dialog.Portal>
        <div className="overlay">
          <Dialog.Content className="dialog" {...focus}>
            <Dialog.Title className="dialog-title">{title}</Dialog.Title>
            <Dialog.Description asChild>
              <div className="dialog-description">{description}</div>
            </Dialog.Description>
            {children}
          </Dialog.Content>
        </div>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
