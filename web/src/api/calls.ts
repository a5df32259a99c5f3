/**
 * The operations of the API that the console uses, one function each, named as in the OpenAPI
 * document.
 */

import type { QueryFunctionContext } from "@tanstack/react-query";
import { type Answer, type Body, type Dated, type Opened, send, sendDated } from "./client.ts";
import { isUnasked } from "./unasked.ts";

export type Session = Answer<"getSession"> & Opened;
export type Sandbox = Answer<"getSandbox"> & Dated;
export type SandboxReason = NonNullable<Sandbox["reason"]>;
export type Keys = Answer<"listKeys"> & Dated;
export type NewKey = Body<"createKey">;
export type ApiKey = Keys["keys"][number];
export type Team = Answer<"listMembers">;
export type TeamMember = Team["members"][number];
export type Role = TeamMember["role"];
export type Sessions = Answer<"listSessions"> & Dated;
export type OwnSession = Sessions["sessions"][number];
export type Usage = Answer<"getUsage">;
export type Activity = Answer<"listActivity"> & Dated;
export type TrailEvent = Activity["events"][number];
export type EventKind = TrailEvent["kind"];
export type Challenge = Answer<"requestCode">;

type Fetching = Pick<QueryFunctionContext, "signal"> & Partial<QueryFunctionContext>;

/** How a query is sent: a read that nobody asked for is no use of the session, and says so. */
function reading({ signal, client, queryKey }: Fetching, unasked = false) {
  const background = unasked || (client && queryKey && isUnasked(client, queryKey));
  return { signal, ...(background && { headers: { "x-frontdesk-background": "1" } }) };
}

export const requestCode = (body: Body<"requestCode">) =>
  send<"requestCode">("POST", "/api/login/code", body);
export const verifyCode = (body: Body<"verifyCode">) =>
  opened(sendDated<"verifyCode">("POST", "/api/login/verify", body));
export const endSession = () => send<"endSession">("POST", "/api/logout");
export const declineInvitation = (invitation: string) =>
  send<"declineInvitation">("POST", "/api/invitation/decline", { invitation });
export const getSession = (fetching: Fetching) =>
  opened(sendDated<"getSession">("GET", "/api/session", undefined, reading(fetching)));

export const getSandbox = (fetching: Fetching, unasked: boolean) =>
  dated(sendDated<"getSandbox">("GET", "/api/sandbox", undefined, reading(fetching, unasked)));
export const testSandbox = () => dated(sendDated<"testSandbox">("POST", "/api/sandbox/test"));
export const retrySandbox = () =>
  dated(sendDated<"retrySandbox">("POST", "/api/sandbox/provision"));
export const revealSandboxKey = () => send<"revealSandboxKey">("POST", "/api/sandbox/key");

export const listKeys = (fetching: Fetching) =>
  dated(sendDated<"listKeys">("GET", "/api/keys", undefined, reading(fetching)));
/** The same `attempt` never makes a second key, however often it is sent. */
export const createKey = (key: NewKey, attempt: string) =>
  send<"createKey">("POST", "/api/keys", key, { headers: { "Idempotency-Key": attempt } });
export const changeKey = (id: string, change: Body<"changeKey">) =>
  send<"changeKey">("PATCH", "/api/keys/{key_id}", change, { path: { key_id: id } });
/** The same `attempt` gives the same value, however often it is sent. */
export const rotateKey = (id: string, rotation: Body<"rotateKey">, attempt: string) =>
  dated(
    sendDated<"rotateKey">("POST", "/api/keys/{key_id}/rotate", rotation, {
      path: { key_id: id },
      headers: { "Idempotency-Key": attempt },
    }),
  );
export const deleteKey = (id: string) =>
  send<"deleteKey">("DELETE", "/api/keys/{key_id}", undefined, { path: { key_id: id } });

export const getUsage = (fetching: Fetching) =>
  send<"getUsage">("GET", "/api/usage", undefined, reading(fetching));

export const listMembers = (fetching: Fetching) =>
  send<"listMembers">("GET", "/api/team", undefined, reading(fetching));
export const inviteMember = (invitation: Body<"inviteMember">) =>
  send<"inviteMember">("POST", "/api/team", invitation);
export const resendInvitation = (id: string) =>
  send<"resendInvitation">("POST", "/api/team/{member_id}/invitation", undefined, {
    path: { member_id: id },
  });
export const changeRole = (id: string, role: Role) =>
  send<"changeRole">("PATCH", "/api/team/{member_id}", { role }, { path: { member_id: id } });
export const revokeMember = (id: string) =>
  send<"revokeMember">("DELETE", "/api/team/{member_id}", undefined, { path: { member_id: id } });
export const leaveTeam = () => send<"leaveTeam">("DELETE", "/api/team/me");

export const listSessions = (fetching: Fetching) =>
  dated(sendDated<"listSessions">("GET", "/api/sessions", undefined, reading(fetching)));
export const revokeSession = (id: string) =>
  send<"revokeSession">("DELETE", "/api/sessions/{session_id}", undefined, {
    path: { session_id: id },
  });
export const revokeOtherSessions = () => send<"revokeOtherSessions">("DELETE", "/api/sessions");

/** A page of events; `before`: the `next` of the page that it follows. */
export const listActivity = (fetching: Fetching, kind: EventKind | null, before: string | null) =>
  dated(
    sendDated<"listActivity">("GET", "/api/activity", undefined, {
      ...reading(fetching),
      query: { ...(kind && { kind }), ...(before && { before }) },
    }),
  );

async function opened<T>(sent: Promise<Opened & { answer: T }>): Promise<T & Opened> {
  const { answer, openedAt } = await sent;
  return { ...answer, openedAt };
}

async function dated<T>(sent: Promise<Dated & { answer: T }>): Promise<T & Dated> {
  const { answer, asOf } = await sent;
  return { ...answer, asOf };
}
