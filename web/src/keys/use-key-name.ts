import { useRef, useState } from "react";
import type { ApiKey, Keys } from "../api/calls.ts";
import { useDraft } from "../session/drafts.ts";

const MAX_LENGTH = 64;

export type KeyName = ReturnType<typeof useKeyName>;

/**
 * What is typed for a key's name.
 *
 * @param draft  under which it is kept
 * @param keys  those that are there
 * @param of  the one that has a name already
 */
export function useKeyName(draft: string, { keys }: Keys, of?: ApiKey) {
  const { text, type, drop } = useDraft(draft, of?.name);
  const [wrong, setWrong] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const trimmed = text.trim();

  return {
    text,
    trimmed,
    wrong,
    field,
    type(next: string) {
      setWrong(null);
      type(next);
    },
    /** Whether it can be sent; else the field says why not. */
    isGood(): boolean {
      const problem = wrongWith(trimmed);
      setWrong(problem);
      if (problem) field.current?.focus();
      return problem === null;
    },
    /** Whether another key has it. */
    isTaken(): boolean {
      const composed = trimmed.normalize("NFC");
      return keys.some((key) => key.name === composed && key.id !== of?.id);
    },
    drop,
  };
}

function wrongWith(name: string): string | null {
  if (name === "") return "Give the key a name.";
  // As the server counts: composed, by code points.
  const length = [...name.normalize("NFC")].length;
  if (length > MAX_LENGTH)
    return `A name has at most ${MAX_LENGTH} characters; this one has ${length}.`;
  return null;
}
