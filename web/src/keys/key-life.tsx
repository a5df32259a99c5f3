import type { ApiKey } from "../api/calls.ts";
import { Badge } from "../ui/badge.tsx";
import { counted } from "../ui/counted.ts";
import { Day, Minute } from "../ui/when.tsx";

interface Props {
  apiKey: ApiKey;
  /** When the list was told, by the server's clock. */
  asOf: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** An end that is nearer has a badge. */
const SOON_MS = 14 * DAY_MS;

/** Whether it is less than a day ago; a use is told to the hour. */
export const isRecent = (at: string, asOf: number) => asOf - Date.parse(at) < DAY_MS;

/** When a key was used, as far as that is known: by hours within a day, then by its date. */
export function Used({ at, asOf }: { at: string; asOf: number }) {
  if (!isRecent(at, asOf)) return <Day at={at} />;
  const hours = hoursOf(asOf - Date.parse(at));
  return (
    <time dateTime={at}>{hours < 1 ? "within the hour" : `${counted(hours, "hour")} ago`}</time>
  );
}

/** That it is over; or how long it has left, once that is less than two weeks. */
export function ExpiryBadge({ apiKey: { expires_at, state }, asOf }: Props) {
  if (state === "expired") return <Badge tone="danger">Expired</Badge>;
  const left = Date.parse(expires_at ?? "") - asOf;
  if (!(left < SOON_MS)) return null;
  return <Badge>{`${span(left)} left`}</Badge>;
}

/** Not more than there is. */
function span(left: number): string {
  if (left >= DAY_MS) return counted(Math.floor(left / DAY_MS), "day");
  return hoursOf(left) < 1 ? "Less than an hour" : counted(hoursOf(left), "hour");
}

const hoursOf = (span: number) => Math.floor(span / HOUR_MS);

/** What stands under the name: on narrow screens, what has a column of its own on wide ones. */
export function LifeUnderName({ apiKey, asOf }: Props) {
  const { last_used_at, expires_at, old_valid_until, state } = apiKey;
  return (
    <>
      <span className="cell-under narrow-only">
        {last_used_at ? (
          <span className="key-life">
            <span>Used </span>
            <Used at={last_used_at} asOf={asOf} />
          </span>
        ) : (
          <span className="key-life">Never used</span>
        )}
        {expires_at && (
          <span className="key-life">
            <span>{state === "expired" ? "Expired " : "Expires "}</span>
            <Day at={expires_at} />
          </span>
        )}
      </span>
      {old_valid_until && (
        <span className="cell-under">
          <span>The old value works until </span>
          <Minute at={old_valid_until} now={asOf} />
        </span>
      )}
    </>
  );
}
