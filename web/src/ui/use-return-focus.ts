import { useRef } from "react";

/**
 * Hands the focus back when a dialog closes: to what opened it; or to the dialog below it, when a
 * click beside that one took its focus away; or, when what opened it is gone with its row, to the
 * heading of the section that it was in.
 */
export function useReturnFocus() {
  const opener = useRef<HTMLElement | null>(null);
  const heading = useRef<HTMLElement | null>(null);
  return {
    onOpenAutoFocus() {
      const active = document.activeElement;
      opener.current = active instanceof HTMLElement && active !== document.body ? active : null;
      heading.current = active?.closest("section")?.querySelector<HTMLElement>("h2") ?? null;
    },
    onCloseAutoFocus(event: Event) {
      event.preventDefault();
      const below = document.querySelector<HTMLElement>("[role=dialog]");
      const target = opener.current?.isConnected ? opener.current : (below ?? heading.current);
      target?.focus({ preventScroll: true });
    },
  };
}
