import { Dialog } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { isWhollyOn } from "./clicks.ts";
import { useHistoryEntry } from "./use-history-entry.ts";
import { useReturnFocus } from "./use-return-focus.ts";
import "./dialog.css";

/** Where the focus goes, if not to the first field or button, and back to what had it. */
export type DialogFocus = Pick<
  ComponentProps<typeof Dialog.Content>,
  "onOpenAutoFocus" | "onCloseAutoFocus"
>;

interface Props {
  role: "dialog" | "alertdialog";
  title: string;
  description: ReactNode;
  children: ReactNode;
  focus?: DialogFocus | undefined;
  /** Wanted out by Escape or the back button. */
  onLeave: () => void;
  onClickBeside?: () => void;
}

/** What all dialogs are made of. */
export function DialogFrame(props: Props) {
  const { role, title, description, children, focus, onLeave, onClickBeside } = props;
  const returnFocus = useReturnFocus();
  return (
    <Dialog.Root open onOpenChange={onLeave}>
      <Dialog.Portal>
        <Overlay onBack={onLeave} onClickBeside={onClickBeside}>
          <Dialog.Content
            role={role}
            className="dialog"
            onPointerDownOutside={(event) => event.preventDefault()}
            onOpenAutoFocus={(event) => {
              returnFocus.onOpenAutoFocus();
              focus?.onOpenAutoFocus?.(event);
            }}
            onCloseAutoFocus={focus?.onCloseAutoFocus ?? returnFocus.onCloseAutoFocus}
          >
            <Dialog.Title className="dialog-title">{title}</Dialog.Title>
            <Dialog.Description asChild>
              <div className="dialog-description">{description}</div>
            </Dialog.Description>
            {children}
          </Dialog.Content>
        </Overlay>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface OverlayProps extends ComponentProps<"div"> {
  onBack: () => void;
  onClickBeside: (() => void) | undefined;
}

/**
 * It covers the page, and knows the ways out that are no button: the back button and, for some, a
 * click beside the dialog. Escape is Radix's.
 *
 * A plain element, not Radix's: that one locks scrolling by a style element that it writes into the
 * page, which the content security policy forbids. `:has(.overlay)` in dialog.css does it instead.
 */
function Overlay({ onBack, onClickBeside, ...rest }: OverlayProps) {
  useHistoryEntry(onBack);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape is its key
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is its key
    <div
      {...rest}
      className="overlay"
      // The focus stays where it was.
      onMouseDown={(event) => event.target === event.currentTarget && event.preventDefault()}
      onClick={(event) => isWhollyOn(event.currentTarget, event) && onClickBeside?.()}
    />
  );
}
