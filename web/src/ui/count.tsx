import { number } from "./counted.ts";
import "./count.css";

interface Props {
  used: number;
  of: number;
  /** What is counted, for those who hear it. */
  what: string;
}

/** How much of a limit is used: `4 / 10` for the eye, in words for the ear. */
export function Count({ used, of, what }: Props) {
  return (
    <span className="count">
      <span aria-hidden="true">{`${number(used)} / ${number(of)}`}</span>
      <span className="visually-hidden">{`${number(used)} of ${number(of)} ${what}`}</span>
    </span>
  );
}
