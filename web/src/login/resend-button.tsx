import type { Ref } from "react";
import { Button } from "../ui/button.tsx";
import { clock } from "../ui/duration.ts";
import { useSecondsLeft } from "../ui/use-seconds-left.ts";

export function ResendButton({
  ref,
  availableAt,
  busy,
  refused,
  onResend,
}: {
  ref: Ref<HTMLButtonElement>;
  availableAt: number;
  busy: boolean;
  refused: boolean;
  onResend: () => void;
}) {
  const wait = useSecondsLeft(availableAt);
  return (
    <Button
      ref={ref}
      tone="quiet"
      disabled={wait > 0}
      busy={busy}
      refused={refused}
      onClick={onResend}
    >
      {wait > 0 ? `Resend code in ${clock(wait)}` : "Resend code"}
    </Button>
  );
}
