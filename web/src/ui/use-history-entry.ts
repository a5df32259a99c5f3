import { useEffect, useRef } from "react";

/**
 * Gives what is mounted a history entry of its own, so that the back button leads out of it instead
 * of off the page. The entry carries `name` and nothing else; the address stays as it is. Takes the
 * entry back when unmounted.
 */
export function useHistoryEntry(name: string, onBack: () => void): { hold: () => void } {
  const latest = useRef(onBack);
  const mounted = useRef(false);
  useEffect(() => {
    latest.current = onBack;
  });
  useEffect(() => {
    mounted.current = true;
    hold(name);
    const popped = () => isCurrent(name) || latest.current();
    window.addEventListener("popstate", popped);
    return () => {
      mounted.current = false;
      window.removeEventListener("popstate", popped);
      // Later: an effect that React only runs again keeps its entry.
      setTimeout(() => {
        if (!mounted.current && isCurrent(name)) history.back();
      });
    };
  }, [name]);
  return { hold: () => hold(name) };
}

function isCurrent(name: string): boolean {
  return history.state?.entry === name;
}

function hold(name: string): void {
  if (!isCurrent(name)) history.pushState({ entry: name }, "");
}
