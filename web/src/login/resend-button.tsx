import { Button } from "../ui/button.tsx";
import { clock } from "../ui/duration.ts";
import { useSecondsLeft } from "../ui/use-seconds-left.ts";

export function ResendButton({
  availableAt,
  busy,
  onResend,
}: {
  availableAt: number;
  busy: boolean;
  onResend: () => void;
}) {
  const wait = useSecondsLeft(availableAt);
  return (
    <Button tone="quiet" disabled={wait > 0} busy={busy} onClick={onResend}>
      Resend code{wait > 0 && <span className="digits"> in {clock(wait)}</span>}
    </Button>
  );
}
