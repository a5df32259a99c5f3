import { Button } from "../ui/button.tsx";
import { useHistoryEntry } from "../ui/use-history-entry.ts";
import type { ShownKey } from "./shown-once.ts";
import { useHeldPage } from "./use-held-page.ts";
import "../ui/dialog.css";
import "./key-value.css";

/** When the viewing modal fails again and again: the key, with next to nothing that could fail. */
export function BareKey({ shown, onClose }: { shown: ShownKey; onClose: () => void }) {
  useHeldPage(onClose);
  // Only its button leads out.
  useHistoryEntry(() => {});
  return (
    <div className="overlay">
      <div className="dialog" role="dialog" aria-labelledby="bare-key">
        <p id="bare-key">{`Save your new API key ${shown.name} now. It is not shown again.`}</p>
        <code
          className="key-value-text"
          translate="no"
          // Written, and taken away, by hand: see ShownOnce.
          ref={(element) => {
            if (element) element.textContent = shown.plain.read();
            return () => void element?.replaceChildren();
          }}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>I saved it</Button>
        </div>
      </div>
    </div>
  );
}
