import { Dialog } from "radix-ui";
import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { CheckboxField } from "../ui/checkbox-field.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { KeyValue } from "./key-value.tsx";
import type { NewKey } from "./shown-once.ts";
import { useHeldPage } from "./use-held-page.ts";
import "../ui/dialog.css";

/**
 * The one time that a key is shown. It closes by "Got it, I saved it"; any other way out asks
 * first.
 */
export function KeyViewerDialog({ shown, onClose }: { shown: NewKey; onClose: () => void }) {
  const [saved, setSaved] = useState(false);
  const [asking, setAsking] = useState(false);
  useHeldPage(() => setAsking(true), onClose);

  return (
    <Dialog.Root open onOpenChange={(open) => open || setAsking(true)}>
      <Dialog.Portal>
        <div className="overlay">
          <Dialog.Content
            className="dialog"
            // Not the eye icon, whose tooltip would come up by itself.
            onOpenAutoFocus={(event) => {
              event.preventDefault();
              (event.currentTarget as HTMLElement).focus();
            }}
            onCloseAutoFocus={(event) => {
              event.preventDefault();
              document.getElementById("new-api-key")?.focus();
            }}
          >
            <Dialog.Title className="dialog-title">Save your new API key</Dialog.Title>
            <Dialog.Description asChild>
              <div className="dialog-description">
                <p>
                  This is the only time the full value of <b>{shown.name}</b> is shown. Once you
                  close this, it cannot be retrieved. Copy it now and store it somewhere safe.
                </p>
              </div>
            </Dialog.Description>
            <KeyValue plain={shown.plain} />
            <CheckboxField name="saved" checked={saved} onChange={setSaved}>
              I have copied and saved this key in a safe place.
            </CheckboxField>
            <div className="dialog-actions">
              <Button tone="primary" disabled={!saved} onClick={onClose}>
                Got it, I saved it
              </Button>
            </div>
          </Dialog.Content>
        </div>
      </Dialog.Portal>
      <Confirm
        open={asking}
        title="Close without saving the key?"
        action="Close anyway"
        cancel="Back to the key"
        onCancel={() => setAsking(false)}
        onConfirm={onClose}
      >
        <p>
          The value of <b>{shown.name}</b> cannot be shown again. If you have not saved it, delete
          the key afterwards and create another.
        </p>
      </Confirm>
    </Dialog.Root>
  );
}
