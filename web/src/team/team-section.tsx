import { useState } from "react";
import type { Team, TeamMember } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import type { LoggedIn } from "../session/session.ts";
import { Count } from "../ui/count.tsx";
import { counted } from "../ui/counted.ts";
import { LimitedButton } from "../ui/limited-button.tsx";
import { LoadProblem } from "../ui/load-problem.tsx";
import { Section } from "../ui/section.tsx";
import { SkeletonRows } from "../ui/skeleton.tsx";
import { InviteDialog } from "./invite-dialog.tsx";
import { KeysLeftDialog } from "./keys-left-dialog.tsx";
import { DIALOGS, type MemberAct } from "./member-acts.ts";
import { MemberRow } from "./member-row.tsx";
import { WHAT_THEY_MAY } from "./roles.ts";
import { useResend } from "./use-resend.ts";
import { useTeam } from "./use-team.ts";
import "../ui/table.css";
import "./team.css";

const MAKE_ROOM = "Remove a member to add another.";

const ONE_ADMIN =
  "There is one admin. A second one is wise: " +
  "somebody has to manage keys and members when the first cannot log in.";

/** Rendered for admins only, so that nothing of it is fetched for anybody else. */
export function TeamSection({ session }: { session: LoggedIn }) {
  const { data, error, refetch, isFetching, onSent } = useTeam();
  const [inviting, setInviting] = useState(false);
  const [acting, setActing] = useState<{ act: MemberAct; member: TeamMember } | null>(null);
  const [revoked, setRevoked] = useState<TeamMember | null>(null);
  const resend = useResend(onSent);
  const count = data?.count ?? session.account.member_count ?? 1;
  const limit = data?.limit ?? session.account.member_limit;
  // Who has not logged in yet keeps no account.
  const admins = data?.members.filter(isActiveAdmin).length;
  const Acting = DIALOGS[acting?.act ?? "revoke"];
  const actedOn = acting && data?.members.find(({ id }) => id === acting.member.id);

  return (
    <Section
      id="team"
      title="Team"
      aside={limit !== undefined && <Count used={count} of={limit} what="members" />}
      action={
        <LimitedButton
          unknown={!data}
          refused={data ? whyNoMore(data) : null}
          onClick={() => setInviting(true)}
        >
          Add member
        </LimitedButton>
      }
    >
      {error && !data ? (
        <LoadProblem failure={failureOf(error)} onRetry={() => void refetch()} busy={isFetching} />
      ) : (
        <table className="table team" aria-label="Team" aria-busy={!data}>
          <thead>
            <tr>
              <th scope="col">Member</th>
              <th scope="col" className="wide-only">
                Last login
              </th>
              <th scope="col" className="cell-actions">
                Actions
              </th>
            </tr>
          </thead>
          <tbody>
            {!data && <SkeletonRows rows={count} columns={["", "wide-only", "cell-actions"]} />}
            {data?.members.map((member) => (
              <MemberRow
                key={member.id}
                member={member}
                ownId={session.member.id}
                lastAdmin={isActiveAdmin(member) && admins === 1}
                resending={resend.isPending ? "An invitation is being sent." : null}
                onResend={resend.mutate}
                onAct={(act, member) => setActing({ act, member })}
              />
            ))}
          </tbody>
        </table>
      )}
      <p className="section-note">{(data && whyNoMore(data)) ?? WHAT_THEY_MAY.member}</p>
      {data && !hasSecondAdmin(data) && <p className="section-note">{ONE_ADMIN}</p>}
      {inviting && (
        <InviteDialog
          memberId={session.member.id}
          onSent={onSent}
          onClose={() => setInviting(false)}
        />
      )}
      {acting && (
        <Acting
          member={actedOn ?? acting.member}
          listed={!data || actedOn !== undefined}
          onRevoked={setRevoked}
          onClose={() => setActing(null)}
        />
      )}
      {revoked && (
        <KeysLeftDialog
          member={revoked}
          ownId={session.member.id}
          onClose={() => setRevoked(null)}
        />
      )}
    </Section>
  );
}

function isActiveAdmin({ role, status }: TeamMember): boolean {
  return role === "admin" && status === "active";
}

/** Whoever is invited as one will be. */
function hasSecondAdmin({ members }: Team): boolean {
  return members.filter(({ role }) => role === "admin").length > 1;
}

function whyNoMore({ count, limit }: Team): string | null {
  return count < limit
    ? null
    : `The account’s limit of ${counted(limit, "member")} is reached. ${MAKE_ROOM}`;
}
