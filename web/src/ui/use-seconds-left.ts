import { useEffect, useState } from "react";

/**
 * Whole seconds until `deadline` (of `performance.now()`), counted down live; 0 once it is over.
 *
 * Nobody sets that clock, and what it counts has passed for the server, too. In some browsers it
 * stands still while the machine sleeps: then a code is shut by the server alone, and a wait is
 * over later than it had to be, unless the page is loaded anew.
 */
export function useSecondsLeft(deadline: number): number {
  const [now, setNow] = useState(() => performance.now());
  const left = Math.max(0, Math.ceil((deadline - now) / 1000));
  const over = left === 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a deadline may be ahead of the tick
  useEffect(() => setNow(performance.now()), [deadline]);
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setNow(performance.now()), 250);
    return () => clearInterval(timer);
  }, [over]);
  return left;
}

/** The deadline that is this many seconds away. */
export function secondsFromNow(seconds: number): number {
  return performance.now() + seconds * 1000;
}
