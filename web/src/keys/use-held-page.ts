import { useEffect, useRef } from "react";
import { useHistoryEntry } from "../ui/use-history-entry.ts";

/**
 * While it is mounted, leaving the page asks first: the browser's own question for a reload, a
 * closed tab or another address, `onBack` for the back button. `onGone` runs when the page does go.
 */
export function useHeldPage(onBack: () => void, onGone: () => void): void {
  const { hold } = useHistoryEntry("key", () => {
    hold();
    onBack();
  });
  const gone = useRef(onGone);
  useEffect(() => {
    gone.current = onGone;
  });
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    // A page that is left may be kept whole, for the forward button.
    const leave = () => gone.current();
    window.addEventListener("beforeunload", ask);
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("beforeunload", ask);
      window.removeEventListener("pagehide", leave);
    };
  }, []);
}
