import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { CheckboxField } from "../ui/checkbox-field.tsx";
import { focusDialog, Modal } from "../ui/modal.tsx";
import { KeyValue } from "./key-value.tsx";
import type { ShownKey } from "./shown-once.ts";
import { TryIt } from "./try-it.tsx";
import { useHeldPage } from "./use-held-page.ts";

const FOCUS = {
  onOpenAutoFocus: focusDialog,
  onCloseAutoFocus(event: Event) {
    event.preventDefault();
    document.getElementById("new-api-key")?.focus();
  },
};

/**
 * The one time that a key is shown. It closes by "Got it, I saved it"; any other way out asks
 * first.
 */
export function KeyViewerDialog({ shown, onClose }: { shown: ShownKey; onClose: () => void }) {
  const [saved, setSaved] = useState(false);
  useHeldPage(onClose);
  return (
    <Modal
      title="Save your new API key"
      description={
        <p>
          <span>This is the only time the full value of </span>
          <b>{shown.name}</b>
          <span>
            {" is shown. Once you close this, it cannot be retrieved. " +
              "Copy it now and store it somewhere safe."}
          </span>
        </p>
      }
      question={{
        title: "Close without saving the key?",
        action: "Close anyway",
        cancel: "Back to the key",
        children: (
          <p>
            <span>The value of </span>
            <b>{shown.name}</b>
            <span>
              {" cannot be shown again. If you have not saved it, " +
                "delete the key afterwards and create another."}
            </span>
          </p>
        ),
      }}
      focus={FOCUS}
      onClose={onClose}
    >
      <KeyValue plain={shown.plain} />
      <TryIt />
      <CheckboxField name="saved" checked={saved} onChange={setSaved}>
        I have copied and saved this key in a safe place.
      </CheckboxField>
      <div className="dialog-actions">
        <Button tone="primary" disabled={!saved} onClick={onClose}>
          Got it, I saved it
        </Button>
      </div>
    </Modal>
  );
}
