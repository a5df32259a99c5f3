import { useId } from "react";
import { Badge } from "../ui/badge.tsx";
import { counted, number } from "../ui/counted.ts";
import { locales } from "../ui/locales.ts";
import { Day } from "../ui/when.tsx";
import "./usage.css";

interface Month {
  calls: number;
  per_month: number;
  resets_at: string;
}

/** From here on the share has a badge; a mail goes to the admins then, too. */
const NEAR = 80;

const { format } = new Intl.NumberFormat(locales, { style: "percent" });

/** Whole ones, cut off: nothing reads as all of it before it is. */
const percentOf = ({ calls, per_month }: Month) => Math.floor((calls * 100) / per_month);

/** In words, that little of the month's calls is left, or nothing. */
export function ShareBadge(month: Month) {
  const percent = percentOf(month);
  if (percent >= 100) return <Badge tone="danger">Used up</Badge>;
  return percent >= NEAR && <Badge>{`${format(percent / 100)} used`}</Badge>;
}

/** How much of the month's calls is used, as a bar and in words. */
export function MonthsCalls(month: Month) {
  const wordsId = useId();
  const { calls, per_month, resets_at } = month;
  // A limit may be set below what is used already.
  const percent = Math.min(percentOf(month), 100);
  const isUsedUp = percent === 100;
  return (
    <div className={isUsedUp ? "usage used-up" : "usage"}>
      <p className="usage-calls" id={wordsId}>
        {`${number(calls)} of ${counted(per_month, "call")} this month`}
      </p>
      <p className="usage-end">
        <span>{isUsedUp ? "Further calls are over the limit until " : "Starts anew on "}</span>
        <Day at={resets_at} />
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: each browser draws its own in its own way */}
      <div
        className="usage-bar"
        role="meter"
        aria-labelledby={wordsId}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={format(percent / 100)}
      >
        <div style={{ width: `${percent}%` }} />
      </div>
    </div>
  );
}
