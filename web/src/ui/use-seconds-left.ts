import { useEffect, useState } from "react";

/** Whole seconds until `deadline` (of `Date.now()`), counted down live; 0 once it is over. */
export function useSecondsLeft(deadline: number): number {
  const [now, setNow] = useState(Date.now);
  const left = Math.max(0, Math.ceil((deadline - now) / 1000));
  const over = left === 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a deadline may be ahead of the tick
  useEffect(() => setNow(Date.now()), [deadline]);
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [over]);
  return left;
}
