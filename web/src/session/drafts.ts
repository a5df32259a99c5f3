/**
 * What was typed into a form and not sent yet. It outlives the form when a session ends in the
 * middle, and is there again after the next login of the same member; in memory only.
 */

import { useState } from "react";

const drafts = new Map<string, string>();

/** A text field's state that is kept under a name until it is dropped; `before`: without one. */
export function useDraft(
  name: string,
  before = "",
): {
  text: string;
  type: (text: string) => void;
  drop: () => void;
} {
  const [text, setText] = useState(() => drafts.get(name) ?? before);
  return {
    text,
    type: (next) => {
      drafts.set(name, next);
      setText(next);
    },
    drop: () => {
      drafts.delete(name);
      setText(before);
    },
  };
}
