import { counted } from "../ui/counted.ts";
import { clock } from "../ui/duration.ts";
import "./countdown.css";

/**
 * The time that the code is still good for. Read out once a minute and near the end, not every
 * second.
 */
export function Countdown({ seconds }: { seconds: number }) {
  const minutes = Math.ceil(seconds / 60);
  const announcement =
    seconds === 0
      ? ""
      : seconds <= 30
        ? "Less than 30 seconds left"
        : `${counted(minutes, "minute")} left`;
  return (
    <p className="countdown">
      <span role="timer" aria-live="off" className="digits">
        {seconds > 0 ? `Expires in ${clock(seconds)}` : "Expired 0:00"}
      </span>
      <span className="visually-hidden" aria-live="polite">
        {announcement}
      </span>
    </p>
  );
}
