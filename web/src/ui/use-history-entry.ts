import { useEffect, useRef } from "react";

/**
 * Whatever the back button leads out of, the topmost last. All of it shares one history entry: so
 * what follows at once upon something that closes finds the entry there, and no navigation is under
 * way that would meet it.
 */
const held: { back: () => void }[] = [];

/** The page's own way back, to take the entry away, is under way. */
let leaving = false;

/**
 * Gives what is mounted the history entry, so that the back button leads out of it instead of off
 * the page. The entry carries a mark and nothing else; the address stays as it is.
 */
export function useHistoryEntry(onBack: () => void): void {
  const latest = useRef(onBack);
  useEffect(() => {
    latest.current = onBack;
  });
  useEffect(() => {
    const own = { back: () => latest.current() };
    held.push(own);
    queueMicrotask(settle);
    return () => {
      held.splice(held.indexOf(own), 1);
      queueMicrotask(settle);
    };
  }, []);
}

const atEntry = () => history.state?.entry === "held";

window.addEventListener("popstate", () => {
  if (leaving) leaving = false;
  else if (!atEntry()) held.at(-1)?.back();
  // What does not give way is held on; and forward to an entry of which nothing is left leads back.
  queueMicrotask(settle);
});

function settle(): void {
  if (leaving || atEntry() === held.length > 0) return;
  leaving = held.length === 0;
  if (leaving) history.back();
  else history.pushState({ entry: "held" }, "");
}
