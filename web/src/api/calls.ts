/**
 * The operations of the API that the console uses, one function each, named as in the OpenAPI
 * document.
 */

import { type Answer, type Body, type Dated, send, sendDated } from "./client.ts";

export type Session = Answer<"getSession">;
export type Sandbox = Answer<"getSandbox"> & Dated;
export type SandboxReason = NonNullable<Sandbox["reason"]>;
export type Keys = Answer<"listKeys">;
export type ApiKey = Keys["keys"][number];
export type Team = Answer<"listMembers">;
export type TeamMember = Team["members"][number];
export type Challenge = Answer<"requestCode">;

interface Fetching {
  signal: AbortSignal;
}

export const requestCode = (body: Body<"requestCode">) =>
  send<"requestCode">("POST", "/api/login/code", body);
export const verifyCode = (body: Body<"verifyCode">) =>
  send<"verifyCode">("POST", "/api/login/verify", body);
export const endSession = () => send<"endSession">("POST", "/api/logout");
export const declineInvitation = (invitation: string) =>
  send<"declineInvitation">("POST", "/api/invitation/decline", { invitation });
export const getSession = ({ signal }: Fetching) =>
  send<"getSession">("GET", "/api/session", undefined, { signal });

export const getSandbox = ({ signal }: Fetching) =>
  dated(sendDated<"getSandbox">("GET", "/api/sandbox", undefined, { signal }));
export const testSandbox = () => dated(sendDated<"testSandbox">("POST", "/api/sandbox/test"));
export const retrySandbox = () =>
  dated(sendDated<"retrySandbox">("POST", "/api/sandbox/provision"));

export const listKeys = ({ signal }: Fetching) =>
  send<"listKeys">("GET", "/api/keys", undefined, { signal });
/** The same `attempt` never makes a second key, however often it is sent. */
export const createKey = (name: string, attempt: string) =>
  send<"createKey">("POST", "/api/keys", { name }, { headers: { "Idempotency-Key": attempt } });
export const deleteKey = (id: string) =>
  send<"deleteKey">("DELETE", "/api/keys/{key_id}", undefined, { path: { key_id: id } });

export const listMembers = ({ signal }: Fetching) =>
  send<"listMembers">("GET", "/api/team", undefined, { signal });
export const inviteMember = (email: string) => send<"inviteMember">("POST", "/api/team", { email });
export const resendInvitation = (id: string) =>
  send<"resendInvitation">("POST", "/api/team/{member_id}/invitation", undefined, {
    path: { member_id: id },
  });
export const revokeMember = (id: string) =>
  send<"revokeMember">("DELETE", "/api/team/{member_id}", undefined, { path: { member_id: id } });

async function dated<T>(sent: Promise<Dated & { answer: T }>): Promise<T & Dated> {
  const { answer, asOf } = await sent;
  return { ...answer, asOf };
}
