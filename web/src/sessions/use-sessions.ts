import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { listSessions, type OwnSession, revokeOtherSessions, revokeSession } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { toast } from "../ui/toast-store.ts";

const sessionsQuery = queryOptions({ queryKey: ["sessions"], queryFn: listSessions });

export const useSessions = () => useQuery(sessionsQuery);

/** Ends one of the reader's sessions, or, for null, all but this one. */
export function useEndSession() {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  return useAct({
    mutationFn: (session: OwnSession | null) =>
      session ? revokeSession(session.id) : revokeOtherSessions(),
    onSuccess: async (_, session) => {
      await refresh();
      const text = session ? `“${session.label}” is logged out.` : "You are logged in here alone.";
      toast({ kind: "done", about: "sessions", text });
    },
    onError: async (error) => {
      if (failureOf(error).code !== "session_not_found") return;
      await refresh();
      toast({ kind: "problem", about: "sessions", text: "That session had ended already." });
    },
  });
}
