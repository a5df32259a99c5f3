import type { TeamMember } from "../api/calls.ts";
import { Address } from "../ui/address.tsx";
import { Badge } from "../ui/badge.tsx";
import { Cut } from "../ui/cut.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { MailIcon, TrashIcon } from "../ui/icons.tsx";
import { Day } from "../ui/when.tsx";

interface Props {
  member: TeamMember;
  lastAdmin: boolean;
  /** Why no invitation can be sent now. */
  resending: string | null;
  onResend: (member: TeamMember) => void;
  onRevoke: (member: TeamMember) => void;
}

const LAST_ADMIN = "The last admin of an account cannot be removed.";

export function MemberRow({ member, lastAdmin, resending, onResend, onRevoke }: Props) {
  const lastLogin = member.last_login_at ? (
    <Day at={member.last_login_at} />
  ) : (
    <span>Never logged in</span>
  );
  const failed = member.mail_problem === "failed";
  return (
    <tr>
      <th scope="row">
        <span className="cell-title">
          <Cut text={member.email}>
            <Address>{member.email}</Address>
          </Cut>
          {member.you && <Badge tone="accent">You</Badge>}
          {member.status === "invited" && !failed && <Badge>Pending</Badge>}
          {failed && <Badge tone="danger">Invitation failed</Badge>}
        </span>
        <span className="cell-under">
          <span>{member.role === "admin" ? "Admin" : "Member"}</span>
          <span className="narrow-only">
            <span> · </span>
            {lastLogin}
          </span>
          {lastAdmin && <span> · The last admin cannot be removed</span>}
          {failed && <span> · The mail could not be delivered. Send it again, or revoke it.</span>}
        </span>
      </th>
      <td className="wide-only">{lastLogin}</td>
      <td className="cell-actions">
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
          onClick={() => onRevoke(member)}
        />
      </td>
    </tr>
  );
}
