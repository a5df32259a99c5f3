import { Button } from "../ui/button.tsx";
import type { NewKey } from "./shown-once.ts";
import "../ui/dialog.css";
import "./key-value.css";

/** When the viewing modal fails again and again: the key, with next to nothing that could fail. */
export function BareKey({ shown, onClose }: { shown: NewKey; onClose: () => void }) {
  return (
    <div className="overlay">
      <div className="dialog" role="dialog" aria-labelledby="bare-key">
        <p id="bare-key">{`Save your new API key ${shown.name} now. It is not shown again.`}</p>
        <code
          className="key-value-text"
          translate="no"
          // Written by hand: see ShownOnce.
          ref={(element) => void element?.append(shown.plain.read())}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>I saved it</Button>
        </div>
      </div>
    </div>
  );
}
