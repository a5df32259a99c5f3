import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { toast } from "../ui/toast-store.ts";
import { teamQuery } from "./team-query.ts";

/**
 * Whether a mail is refused is known within seconds, as a rule. It is looked for soon, then less
 * and less often, and not for ever: the list is read anyway when somebody comes back to it.
 */
const FOLLOW_FIRST_MS = 1_000;
const FOLLOW_SLOWEST_MS = 15_000;
const FOLLOW_LONGEST_MS = 120_000;

/**
 * The team. What becomes of the mails that this page has sent (`onSent`) is followed, and told
 * where one fails.
 */
export function useTeam() {
  const sent = useRef(new Map<string, number>());
  const query = useQuery({
    ...teamQuery,
    refetchInterval({ state }) {
      const waits = (state.data?.members ?? [])
        .filter(
          (member) =>
            member.status === "invited" && !member.mail_problem && sent.current.has(member.id),
        )
        .map((member) => Date.now() - (sent.current.get(member.id) ?? 0));
      const waited = Math.min(...waits);
      return waited < FOLLOW_LONGEST_MS
        ? Math.min(FOLLOW_SLOWEST_MS, FOLLOW_FIRST_MS + waited / 2)
        : false;
    },
  });

  const { data, dataUpdatedAt } = query;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an answer may say the same once more
  useEffect(() => {
    for (const { id, email, mail_problem } of data?.members ?? []) {
      if (mail_problem === "failed" && sent.current.delete(id))
        toast({
          kind: "problem",
          about: id,
          text: `The invitation to ${email} could not be mailed.`,
        });
    }
  }, [data, dataUpdatedAt]);

  return { ...query, onSent: (id: string) => void sent.current.set(id, Date.now()) };
}
