import { useState } from "react";
import { SessionsDialog } from "../sessions/sessions-dialog.tsx";
import { LeaveDialog } from "../team/leave-dialog.tsx";
import { Menu } from "../ui/menu.tsx";

const DIALOGS = { sessions: SessionsDialog, leave: LeaveDialog };

/** What everybody decides for themselves, whatever their role is. */
export function OwnMenu() {
  const [open, setOpen] = useState<keyof typeof DIALOGS | null>(null);
  const Open = DIALOGS[open ?? "leave"];
  return (
    <div className="header-menu">
      <Menu
        id="own-menu"
        label="Your access"
        items={[
          { label: "Where you are logged in", onChoose: () => setOpen("sessions") },
          { label: "Leave this account", tone: "danger", onChoose: () => setOpen("leave") },
        ]}
      />
      {open && <Open onClose={() => setOpen(null)} />}
    </div>
  );
}
