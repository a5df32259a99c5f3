import { useState } from "react";
import { counted } from "../ui/counted.ts";
import { clock } from "../ui/duration.ts";
import { Notice } from "../ui/notice.tsx";

/** How long an address has to wait for its next code. It ticks for the eye; it is read out once. */
export function LimitedNotice({ seconds }: { seconds: number }) {
  const [minutes] = useState(Math.max(1, Math.round(seconds / 60)));
  return (
    <Notice kind="problem">
      <span>{"Too many codes were asked for with this address. You can ask for another in "}</span>
      <b className="digits" aria-hidden="true">
        {clock(seconds)}
      </b>
      <span className="visually-hidden">{counted(minutes, "minute")}</span>
      <span>.</span>
    </Notice>
  );
}
