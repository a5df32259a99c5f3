import { useEffect, useRef } from "react";

/**
 * While it is mounted and held, leaving the page asks first: a reload, a closed tab, another
 * address. `onGone` runs when the page does go.
 */
export function useHeldPage(onGone: () => void, held = true): void {
  const gone = useRef(onGone);
  useEffect(() => {
    gone.current = onGone;
  });
  useEffect(() => {
    if (!held) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    // A page that is left may be kept whole, for the forward button.
    const leave = () => gone.current();
    window.addEventListener("beforeunload", ask);
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("beforeunload", ask);
      window.removeEventListener("pagehide", leave);
    };
  }, [held]);
}
