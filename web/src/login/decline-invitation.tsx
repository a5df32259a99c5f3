import { useState } from "react";
import { declineInvitation } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";

/** For whoever came by the link of an invitation, and does not want it. Asks first. */
export function DeclineInvitation({
  invitation,
  onDeclined,
}: {
  invitation: string;
  onDeclined: () => void;
}) {
  const [asked, setAsked] = useState(false);
  const decline = useAct({
    mutationFn: () => declineInvitation(invitation),
    onSuccess: onDeclined,
  });
  return (
    <>
      <Button tone="quiet" onClick={() => setAsked(true)}>
        Decline this invitation
      </Button>
      {asked && (
        <Confirm
          title="Decline this invitation?"
          action="Decline"
          cancel="Keep it"
          busy={decline.isPending}
          failure={decline.error && failureOf(decline.error)}
          onCancel={() => setAsked(false)}
          onConfirm={() => decline.mutate()}
        >
          <p>
            The invitation ends at once. To come back later, you would have to be invited again.
          </p>
        </Confirm>
      )}
    </>
  );
}
