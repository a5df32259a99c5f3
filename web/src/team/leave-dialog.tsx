import { useQueryClient } from "@tanstack/react-query";
import { leaveTeam } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { useKeysMade, wordsAboutMade } from "../keys/keys-made.ts";
import { LEAVE_TEAM, leave, usePresence } from "../session/session.ts";
import { tellOtherTabs } from "../session/tabs.ts";
import { Confirm } from "../ui/confirm.tsx";

/** Ends one's own membership. */
export function LeaveDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const { data } = usePresence();
  const { made } = useKeysMade(data?.in ? data.member.id : undefined);
  const leaving = useAct({
    mutationKey: LEAVE_TEAM,
    mutationFn: leaveTeam,
    onSuccess: () => {
      tellOtherTabs("logged_out");
      leave(client, "left");
    },
  });

  return (
    <Confirm
      title={data?.in ? `Leave ${data.account.name}?` : "Leave?"}
      action="Leave"
      busy={leaving.isPending}
      failure={leaving.error && failureOf(leaving.error)}
      onCancel={onClose}
      onConfirm={() => leaving.mutate()}
    >
      <p>
        You are logged out at once, everywhere, and cannot log in again until an admin invites you.
      </p>
      {made.length > 0 && <p>{wordsAboutMade(made)}</p>}
    </Confirm>
  );
}
