import { useEffect, useState } from "react";

/** Whole seconds until `deadline` (of `Date.now()`), counted down live; 0 once it is over. */
export function useSecondsLeft(deadline: number): number {
  const [now, setNow] = useState(Date.now);
  const left = Math.max(0, Math.ceil((deadline - now) / 1000));
  // A deadline that was set a moment ago is ahead of the last tick.
  useEffect(() => setNow(Date.now()), [deadline]);
  useEffect(() => {
    if (left === 0) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [left === 0]);
  return left;
}
