/** Who is logged in, and why nobody is. */

import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { getSession, type Session } from "../api/calls.ts";
import { Failure } from "../api/failure.ts";
import { dismissAll } from "../ui/toast-store.ts";

/** Why the login is shown to somebody who was in. */
export type Farewell =
  | "session_ended"
  | "session_expired"
  | "account_suspended"
  | "logged_out"
  | "left"
  | "logged_out_elsewhere";

/** `arrived`: just now, by this page's own login. */
export type LoggedIn = { in: true; arrived?: true } & Session;
export type LoggedOut = { in: false; why: Farewell | null; email: string };
export type Presence = LoggedIn | LoggedOut;

const SESSION_QUERY_KEY = ["session"];
export const LOG_OUT = ["log-out"];
export const LEAVE_TEAM = ["leave-team"];

export const sessionQuery = queryOptions({
  queryKey: SESSION_QUERY_KEY,
  queryFn: async (fetching): Promise<Presence> => {
    const { client } = fetching;
    const before = client.getQueryData<Presence>(SESSION_QUERY_KEY);
    try {
      const session = await getSession(fetching);
      // Somebody else logged in on another tab: nothing of the one before may stay on the screen.
      if (before?.in && before.member.id !== session.member.id) forget(client);
      return { in: true, ...session };
    } catch (error) {
      if (!(error instanceof Failure && error.endsSession)) throw error;
      if (before && !before.in) return before;
      forget(client);
      const wasIn = before?.in === true || error.code !== "session_required";
      return {
        in: false,
        why: wasIn ? farewellOf(client, error) : null,
        email: before?.in ? before.member.email : "",
      };
    }
  },
});

/** Why the session is over: who is on the way out knows it, else as far as the server does. */
export function farewellOf(client: QueryClient, { code }: Failure): Farewell {
  if (client.isMutating({ mutationKey: LOG_OUT })) return "logged_out";
  if (client.isMutating({ mutationKey: LEAVE_TEAM })) return "left";
  return code === "session_expired" || code === "account_suspended" ? code : "session_ended";
}

export function usePresence() {
  return useQuery(sessionQuery);
}

/** Shows the login; everything that was fetched for the session goes. */
export function leave(client: QueryClient, why: Farewell): void {
  const before = client.getQueryData<Presence>(SESSION_QUERY_KEY);
  if (before?.in !== true) return;
  void client.cancelQueries();
  const after: LoggedOut = { in: false, why, email: before.member.email };
  client.setQueryData<Presence>(SESSION_QUERY_KEY, after);
  forget(client);
}

/** Shows the page of whoever just logged in. */
export function enter(client: QueryClient, session: Session): void {
  // A read that began before knows of no session, and may be answered later.
  void client.cancelQueries({ queryKey: SESSION_QUERY_KEY });
  forget(client);
  const after: LoggedIn = { in: true, arrived: true, ...session };
  client.setQueryData<Presence>(SESSION_QUERY_KEY, after);
}

function forget(client: QueryClient): void {
  dismissAll();
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION_QUERY_KEY[0] });
}
