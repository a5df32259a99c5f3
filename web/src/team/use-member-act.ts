import { useQueryClient } from "@tanstack/react-query";
import type { TeamMember } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { toast } from "../ui/toast-store.ts";
import { useGone } from "../ui/use-gone.ts";
import { goneWords, teamQuery } from "./team-query.ts";

/** What every dialog about somebody in the team is given. */
export interface MemberDialogProps {
  /** As they are now, or as they were when the list still had them. */
  member: TeamMember;
  /** Whether the list still has them. */
  listed: boolean;
  /** Told who has no access any more. */
  onRevoked: (member: TeamMember) => void;
  onClose: () => void;
}

interface Act<Data> {
  mutationFn: () => Promise<Data>;
  /** Once it is done; `refresh` reads the list again. */
  onDone: (data: Data, refresh: () => Promise<void>) => Promise<void>;
}

/** An act on a member. When they are not there any more, its dialog says so and closes. */
export function useMemberAct<Data>(
  { member, listed, onClose }: MemberDialogProps,
  { mutationFn, onDone }: Act<Data>,
) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: teamQuery.queryKey });
  const act = useAct({
    mutationFn,
    onSuccess: (data) => onDone(data, refresh),
    onError: async (error) => {
      const failure = failureOf(error);
      await refresh();
      if (failure.code !== "member_not_found") return;
      onClose();
      toast({ kind: "problem", text: goneWords(member) });
    },
  });
  useGone(!listed && !act.isPending && !act.isSuccess, goneWords(member), onClose);
  return act;
}
