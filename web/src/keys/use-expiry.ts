import { useRef, useState } from "react";
import { useDraft } from "../session/drafts.ts";
import { bounds, type Day, dayAhead, dayOf, endOf, inWords, isWithin } from "./expiry.ts";

const NEVER = "Never";
const ON_A_DAY = "A date";
const AHEAD: Record<string, [years: number, days: number]> = {
  "30 days": [0, 30],
  "90 days": [0, 90],
  "1 year": [1, 0],
};

export const CHOICES = [NEVER, ...Object.keys(AHEAD), ON_A_DAY];

export type Expiry = ReturnType<typeof useExpiry>;

/**
 * What is chosen for a key's end, and kept as what is typed is. The day is set when it is chosen,
 * so that what is sent is what was read, and a retry sends the same.
 *
 * @param draft  under which it is kept
 * @param asOf  now, by the server
 * @param was  when the key ends so far
 */
export function useExpiry(draft: string, asOf: number, was: string | null) {
  const now = asOf > 0 ? asOf : Date.now();
  const [before] = useState(() => startFrom(was, now));
  const choice = useDraft(`${draft}:expiry`, before.choice);
  const day = useDraft(`${draft}:last-day`, before.day);
  const [wrong, setWrong] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const limits = bounds(now);
  const never = choice.text === NEVER;

  return {
    choice: choice.text,
    day: day.text,
    limits,
    wrong,
    field,
    isTyped: choice.text === ON_A_DAY,
    isChanged: choice.text !== before.choice || (!never && day.text !== before.day),
    words: never
      ? "It works until it is deleted."
      : `Expires ${day.text ? `on ${inWords(day.text)}, ` : ""}at the end of the day.`,
    pick(next: string) {
      setWrong(null);
      choice.type(next);
      const ahead = AHEAD[next];
      if (ahead) day.type(dayAhead(now, ...ahead));
    },
    type(next: Day) {
      setWrong(null);
      day.type(next);
    },
    /** Whether it can be sent; else the field says why not. */
    isGood(): boolean {
      if (never || isWithin(day.text, limits)) return true;
      setWrong(`Choose a day from ${inWords(limits.min)} to ${inWords(limits.max)}.`);
      field.current?.focus();
      return false;
    },
    at: () => (never ? null : endOf(day.text).toISOString()),
    drop() {
      choice.drop();
      day.drop();
    },
  };
}

/** A key that is over is offered the shortest life. */
function startFrom(was: string | null, now: number): { choice: string; day: Day } {
  if (was === null) return { choice: NEVER, day: "" };
  const end = Date.parse(was);
  if (end > now) return { choice: ON_A_DAY, day: dayOf(end) };
  return { choice: "30 days", day: dayAhead(now, 0, 30) };
}
