const day = new Intl.DateTimeFormat("en", { year: "numeric", month: "short", day: "numeric" });
const minute = new Intl.DateTimeFormat("en", {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});
const timeOfDay = new Intl.DateTimeFormat("en", { hour: "numeric", minute: "2-digit" });

/** A date; the time of day on pointing at it. */
export function Day({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={minute.format(date)}>
      {day.format(date)}
    </time>
  );
}

/** A time of day, with its date unless that is today: the day of `now`, by whom `at` is told. */
export function Minute({ at, now }: { at: string; now: number }) {
  const date = new Date(at);
  const today = now > 0 && day.format(date) === day.format(now);
  return (
    <time dateTime={at}>{today ? `today at ${timeOfDay.format(date)}` : minute.format(date)}</time>
  );
}
