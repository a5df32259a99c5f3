import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { CheckboxField } from "../ui/checkbox-field.tsx";
import { focusDialog, Modal } from "../ui/modal.tsx";
import { Minute } from "../ui/when.tsx";
import { KeyValue } from "./key-value.tsx";
import type { ShownKey } from "./shown-once.ts";
import { TryIt } from "./try-it.tsx";
import { useHeldPage } from "./use-held-page.ts";

/**
 * The one time that a value is shown. It closes by "Got it, I saved it"; any other way out asks
 * first.
 */
export function KeyViewerDialog({ shown, onClose }: { shown: ShownKey; onClose: () => void }) {
  const [saved, setSaved] = useState(false);
  const { name, plain, rotated, openerId } = shown;
  useHeldPage(onClose);
  return (
    <Modal
      title={rotated ? "Save the new value" : "Save your new API key"}
      description={
        <>
          <p>
            <span>This is the only time the full value of </span>
            <b>{name}</b>
            <span>
              {" is shown. Once you close this, it cannot be retrieved. " +
                "Copy it now and store it somewhere safe."}
            </span>
          </p>
          {rotated && <OldValue {...rotated} />}
        </>
      }
      question={{
        title: "Close without saving the key?",
        action: "Close anyway",
        cancel: "Back to the key",
        children: (
          <p>
            <span>The value of </span>
            <b>{name}</b>
            <span>
              {` cannot be shown again. If you have not saved it, ${
                rotated
                  ? "rotate the key once more: the value before this one then stops at once."
                  : "delete the key afterwards and create another."
              }`}
            </span>
          </p>
        ),
      }}
      focus={{
        onOpenAutoFocus: focusDialog,
        onCloseAutoFocus(event) {
          event.preventDefault();
          const opener = document.getElementById(openerId);
          (opener ?? document.getElementById("new-api-key"))?.focus();
        },
      }}
      onClose={onClose}
    >
      <KeyValue plain={plain} />
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

function OldValue({ oldValidUntil, asOf }: NonNullable<ShownKey["rotated"]>) {
  if (!oldValidUntil) return <p>The old value does not work any more.</p>;
  return (
    <p>
      <span>The old value works until </span>
      <Minute at={oldValidUntil} now={asOf} />
      <span>.</span>
    </p>
  );
}
