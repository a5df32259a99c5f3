import { Hint } from "./hint.tsx";
import { locales } from "./locales.ts";

const day = new Intl.DateTimeFormat(locales, { dateStyle: "medium" });
const minute = new Intl.DateTimeFormat(locales, { dateStyle: "medium", timeStyle: "short" });
const timeOfDay = new Intl.DateTimeFormat(locales, { timeStyle: "short" });
const whole = new Intl.DateTimeFormat(locales, { dateStyle: "medium", timeStyle: "long" });
const language = day.resolvedOptions().locale;

/** A date. */
export function Day({ at }: { at: string }) {
  return <When at={at} text={day.format(new Date(at))} lang={language} />;
}

/** A time of day, with its date unless that is today: the day of `now`, by whom `at` is told. */
export function Minute({ at, now }: { at: string; now: number }) {
  const date = new Date(at);
  const today = now > 0 && day.format(date) === day.format(now);
  if (today) return <When at={at} text={`today at ${timeOfDay.format(date)}`} />;
  return <When at={at} text={minute.format(date)} lang={language} />;
}

/** With all of it, and the time zone, on pointing at it and on the focus. */
function When({ at, text, lang }: { at: string; text: string; lang?: string }) {
  const all = whole.format(new Date(at));
  return (
    <Hint text={all}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard's way to the hint */}
      <time dateTime={at} lang={lang} tabIndex={0} aria-description={all}>
        {text}
      </time>
    </Hint>
  );
}
