import { useRef } from "react";

/**
 * Hands the focus back when a dialog closes: to what had it; or to the dialog below, when that was
 * an icon in it, whose tooltip would come up by itself and take the next Escape; or, when what
 * opened it is gone with its row, to the heading of the section that it was in; or, when that is
 * gone, too, to the page, unless something else has it by then.
 */
export function useReturnFocus() {
  const opener = useRef<HTMLElement | null>(null);
  const heading = useRef<HTMLElement | null>(null);
  return {
    onOpenAutoFocus() {
      const active = document.activeElement;
      const keeps = active !== document.body && !active?.matches("[role=dialog] .icon-button");
      opener.current = keeps && active instanceof HTMLElement ? active : null;
      heading.current = active?.closest("section")?.querySelector<HTMLElement>("h2") ?? null;
    },
    onCloseAutoFocus(event: Event) {
      event.preventDefault();
      const below = document.querySelector<HTMLElement>("[role=dialog]");
      const isLost = document.activeElement === document.body;
      const page = isLost ? document.getElementById("main") : null;
      const others = [below, heading.current, page].find((other) => other?.isConnected);
      const target = opener.current?.isConnected ? opener.current : others;
      target?.focus({ preventScroll: true });
    },
  };
}
