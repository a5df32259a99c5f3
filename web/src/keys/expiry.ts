/** When a key ends, as a person chooses it: with the end of a day where they are. */

import { locales } from "../ui/locales.ts";

/** A day as date fields write it, `2027-02-25`; empty: none. */
export type Day = string;

/** The server takes what is at least so far ahead, */
const LEAST_MS = 5 * 60_000;
/** and at most so far. */
const MOST_YEARS = 5;

const words = new Intl.DateTimeFormat(locales, { dateStyle: "medium" }).format;

export function dayOf(time: number): Day {
  const at = new Date(time);
  return new Date(time - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

export function dayAhead(now: number, years: number, days: number): Day {
  const at = new Date(now);
  at.setFullYear(at.getFullYear() + years, at.getMonth(), at.getDate() + days);
  return dayOf(at.getTime());
}

/** The last moment of a day. */
export const endOf = (day: Day): Date => new Date(`${day}T23:59:59.999`);

export const inWords = (day: Day): string => words(endOf(day));

/** The first and the last day that a key may end with. */
export function bounds(now: number): { min: Day; max: Day } {
  return { min: dayOf(now + LEAST_MS), max: dayAhead(now, MOST_YEARS, -1) };
}

export function isWithin(day: Day, { min, max }: { min: Day; max: Day }): boolean {
  return endOf(day) >= endOf(min) && endOf(day) <= endOf(max);
}
