import type { ApiKey } from "../api/calls.ts";
import { Menu } from "../ui/menu.tsx";
import { ChangeExpiryDialog } from "./change-expiry-dialog.tsx";
import { DeleteKeyDialog } from "./delete-key-dialog.tsx";
import { RenameKeyDialog } from "./rename-key-dialog.tsx";
import { RotateKeyDialog } from "./rotate-key-dialog.tsx";
import { moreId } from "./use-key-act.ts";

/** What can be done to a key that is there: each asks in a dialog of its own. */
export const DIALOGS = {
  rename: RenameKeyDialog,
  rotate: RotateKeyDialog,
  expiry: ChangeExpiryDialog,
  delete: DeleteKeyDialog,
};

export type KeyAct = keyof typeof DIALOGS;

interface Props {
  apiKey: ApiKey;
  onAct: (act: KeyAct) => void;
}

export function KeyMenu({ apiKey, onAct }: Props) {
  // One that is over has to be given a later end first.
  const rotate = { label: "Rotate", onChoose: () => onAct("rotate") };
  return (
    <Menu
      id={moreId(apiKey)}
      label={`More actions for ${apiKey.name}`}
      items={[
        { label: "Rename", onChoose: () => onAct("rename") },
        ...(apiKey.state === "active" ? [rotate] : []),
        { label: "Change expiry", onChoose: () => onAct("expiry") },
        { label: "Delete", tone: "danger", onChoose: () => onAct("delete") },
      ]}
    />
  );
}
