import type { ComponentProps } from "react";
import { isWhollyOn } from "./clicks.ts";
import { useHistoryEntry } from "./use-history-entry.ts";
import "./dialog.css";

interface Props extends ComponentProps<"div"> {
  onBack: () => void;
  onClickBeside?: () => void;
}

/**
 * What a dialog lies on. It covers the page, and knows the ways out that are no button: the back
 * button and, for some, a click beside the dialog. Escape is Radix's.
 *
 * A plain element, not Radix's: that one locks scrolling by a style element that it writes into the
 * page, which the content security policy forbids. `:has(.overlay)` in dialog.css does it instead.
 */
export function Overlay({ onBack, onClickBeside, ...rest }: Props) {
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
