import type { TeamMember } from "../api/calls.ts";
import { Address } from "../ui/address.tsx";
import { Badge } from "../ui/badge.tsx";
import { Cut } from "../ui/cut.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { MailIcon, TrashIcon } from "../ui/icons.tsx";
import { Menu } from "../ui/menu.tsx";
import { Day } from "../ui/when.tsx";
import type { MemberAct } from "./member-acts.ts";
import { ROLES } from "./roles.ts";

interface Props {
  member: TeamMember;
  /** Of who reads it. */
  ownId: string;
  lastAdmin: boolean;
  /** Why no invitation can be sent now. */
  resending: string | null;
  onResend: (member: TeamMember) => void;
  onAct: (act: MemberAct, member: TeamMember) => void;
}

const LAST_ADMIN = "The last admin of an account cannot be removed.";

/** What became of mail to a member, in words, and what helps. */
const MAIL_PROBLEMS = {
  failed: {
    badge: "Invitation failed",
    help: "The mail could not be delivered. Send it again, or revoke it.",
  },
  bounced: {
    badge: "Mail bounced",
    help: "The address takes no mail. Check that it is right.",
  },
  complained: {
    badge: "Mail unwanted",
    help: "A mail was reported as unwanted: codes are mailed, and no notices.",
  },
};

export function MemberRow({ member, ownId, lastAdmin, resending, onResend, onAct }: Props) {
  const lastLogin = member.last_login_at ? (
    <Day at={member.last_login_at} />
  ) : (
    <span>Never logged in</span>
  );
  const out = member.you ? "leave" : "revoke";
  const problem = member.mail_problem && MAIL_PROBLEMS[member.mail_problem];
  return (
    <tr>
      <th scope="row">
        <span className="cell-title">
          <Cut text={member.email}>
            <Address>{member.email}</Address>
          </Cut>
          {member.you && <Badge tone="accent">You</Badge>}
          {member.status === "invited" && !problem && <Badge>Pending</Badge>}
          {problem && <Badge tone="danger">{problem.badge}</Badge>}
        </span>
        <span className="cell-under">
          <span>{ROLES[member.role]}</span>
          <span className="narrow-only">
            <span> · </span>
            {lastLogin}
          </span>
          {member.invited_by && <InvitedBy {...member.invited_by} ownId={ownId} />}
          {lastAdmin && <span> · The last admin cannot be removed</span>}
          {problem && <span>{` · ${problem.help}`}</span>}
        </span>
      </th>
      <td className="wide-only">{lastLogin}</td>
      <td className="cell-actions">
        {!lastAdmin && (
          <Menu
            id={`more-${member.id}`}
            label={`More actions for ${member.email}`}
            items={[
              {
                label: member.role === "admin" ? "Make a member" : "Make an admin",
                onChoose: () => onAct("role", member),
              },
              {
                label: member.you ? "Leave this account" : "Revoke access",
                tone: "danger",
                onChoose: () => onAct(out, member),
              },
            ]}
          />
        )}
        {member.status !== "active" && (
          <IconButton
            label={`Resend invitation to ${member.email}`}
            icon={<MailIcon />}
            refused={resending}
            onClick={() => onResend(member)}
          />
        )}
        <IconButton
          label={`Revoke access of ${member.email}`}
          icon={<TrashIcon />}
          tone="danger"
          refused={lastAdmin ? LAST_ADMIN : null}
          onClick={() => onAct(out, member)}
        />
      </td>
    </tr>
  );
}

interface InvitedByProps {
  id: string;
  /** Null once they are gone. */
  email: string | null;
  ownId: string;
}

function InvitedBy({ id, email, ownId }: InvitedByProps) {
  if (id === ownId) return <span> · Invited by you</span>;
  if (!email) return null;
  return (
    <span>
      <span> · Invited by </span>
      <Address>{email}</Address>
    </span>
  );
}
