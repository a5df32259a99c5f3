import { useState } from "react";
import type { ApiKey, TeamMember } from "../api/calls.ts";
import { DeleteKeyDialog } from "../keys/delete-key-dialog.tsx";
import { useKeysMade, wordsAboutMade } from "../keys/keys-made.ts";
import { RotateKeyDialog } from "../keys/rotate-key-dialog.tsx";
import { Button } from "../ui/button.tsx";
import { focusDialog, Modal } from "../ui/modal.tsx";
import { Minute } from "../ui/when.tsx";
import "../ui/list.css";

interface Props {
  /** Who made them, and has no access any more. */
  member: TeamMember;
  /** Who looks at them. */
  ownId: string;
  onClose: () => void;
}

const DIALOGS = { rotate: RotateKeyDialog, delete: DeleteKeyDialog };

/** What somebody leaves behind, with what can be done about it. */
export function KeysLeftDialog({ member, ownId, onClose }: Props) {
  const { keys, made } = useKeysMade(member.id);
  const [acting, setActing] = useState<{ act: keyof typeof DIALOGS; key: ApiKey } | null>(null);
  const Acting = DIALOGS[acting?.act ?? "delete"];
  return (
    <Modal
      title={`Keys that ${member.email} made`}
      description={
        <>
          {made.length > 0 ? <p>{wordsAboutMade(made)}</p> : <p>None of them is left.</p>}
          <p>Rotate or delete what this person may still know.</p>
        </>
      }
      question={null}
      focus={{ onOpenAutoFocus: focusDialog, onCloseAutoFocus: focusTeam }}
      onClose={onClose}
    >
      <ul className="list">
        {made.map((key) => (
          <li key={key.id}>
            <div className="list-words">
              <b>{key.name}</b>
              {key.rotated_at && (
                <span className="list-under">
                  <span>Rotated </span>
                  <Minute at={key.rotated_at} now={keys?.asOf ?? 0} />
                </span>
              )}
            </div>
            <Button
              id={rotateId(key)}
              aria-label={`Rotate ${key.name}`}
              onClick={() => setActing({ act: "rotate", key })}
            >
              Rotate
            </Button>
            <Button
              aria-label={`Delete ${key.name}`}
              onClick={() => setActing({ act: "delete", key })}
            >
              Delete
            </Button>
          </li>
        ))}
      </ul>
      <div className="dialog-actions">
        <Button tone="primary" onClick={onClose}>
          Done
        </Button>
      </div>
      {acting && keys && (
        <Acting
          apiKey={keys.keys.find(({ id }) => id === acting.key.id) ?? acting.key}
          keys={keys}
          memberId={ownId}
          openerId={rotateId(acting.key)}
          onClose={() => setActing(null)}
        />
      )}
    </Modal>
  );
}

const rotateId = ({ id }: ApiKey) => `rotate-${id}`;

/** The row that it began at is gone. */
function focusTeam(event: Event) {
  event.preventDefault();
  document.querySelector<HTMLElement>("#team h2")?.focus({ preventScroll: true });
}
