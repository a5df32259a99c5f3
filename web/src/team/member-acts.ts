import { LeaveDialog } from "./leave-dialog.tsx";
import { RevokeDialog } from "./revoke-dialog.tsx";
import { RoleDialog } from "./role-dialog.tsx";

/** What can be done to somebody in the team: each asks in a dialog of its own. */
export const DIALOGS = { role: RoleDialog, revoke: RevokeDialog, leave: LeaveDialog };

export type MemberAct = keyof typeof DIALOGS;
