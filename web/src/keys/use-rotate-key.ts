import { useRef, useState } from "react";
import { rotateKey } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useShowKey } from "./key-viewer.tsx";
import { type ShownKey, ShownOnce } from "./shown-once.ts";
import { type KeyDialogProps, useKeyAct } from "./use-key-act.ts";

/**
 * Gives a key a new value and shows it. A retry after an answer that was lost gives that value
 * again; as a rotation of its own, it would end the one that programs still use.
 */
export function useRotateKey(props: KeyDialogProps, openerId: string) {
  const { apiKey, onClose } = props;
  const show = useShowKey();
  const attempt = useRef<string | null>(null);
  /** It may have been done: only the same request brings its value. */
  const [unanswered, setUnanswered] = useState(false);

  const rotate = useKeyAct(props, {
    mutationFn: async (keepOldSeconds: number): Promise<ShownKey> => {
      attempt.current ??= crypto.randomUUID();
      try {
        const rotation = { keep_old_seconds: keepOldSeconds };
        const { key, api_key, asOf } = await rotateKey(apiKey.id, rotation, attempt.current);
        const rotated = { oldValidUntil: key.old_valid_until, asOf };
        return { name: key.name, plain: new ShownOnce(api_key), rotated, openerId };
      } catch (error) {
        const { code, mayPass } = failureOf(error);
        // What was not sent leaves it as it was.
        if (code !== "offline") setUnanswered(mayPass);
        // An answer that did come is final: the next try is another attempt.
        if (!mayPass) attempt.current = null;
        throw error;
      }
    },
    onDone: (shown, refresh) => {
      onClose();
      show(shown);
      void refresh();
    },
  });

  return { ...rotate, unanswered };
}
