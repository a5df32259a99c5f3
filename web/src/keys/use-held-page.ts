import { useEffect, useRef } from "react";

/**
 * While it is mounted, leaving the page asks first: a reload, a closed tab, another address.
 * `onGone` runs when the page does go.
 */
export function useHeldPage(onGone: () => void): void {
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
