import { useEffect, useRef } from "react";

/**
 * Gives what is mounted a history entry of its own, so that the back button leads out of it instead of off the page. The
 * entry carries `name` and nothing else; the address stays as it is. Takes the entry back when unmounted.
 */
export function useHistoryEntry(name: string, onBack: () => void): { hold: () => void } {
  const latest = useRef(onBack);
  const mounted = useRef(false);
  const isCurrent = () => history.state?.entry === name;
  const hold = () => {
    if (!isCurrent()) history.pushState({ entry: name }, "");
  };
  useEffect(() => {
    latest.current = onBack;
  });
  useEffect(() => {
    mounted.current = true;
    hold();
    const popped = () => isCurrent() || latest.current();
    window.addEventListener("popstate", popped);
    return () => {
      mounted.current = false;
      window.removeEventListener("popstate", popped);
      // Later: an effect that React only runs again keeps its entry.
      setTimeout(() => {
        if (!mounted.current && isCurrent()) history.back();
      });
    };
  }, [name]);
  return { hold };
}
