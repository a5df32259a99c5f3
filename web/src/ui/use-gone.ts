import { useEffect, useEffectEvent } from "react";
import { toast } from "./toast-store.ts";

/** Closes a question whose subject is not there any more, and says so. */
export function useGone(gone: boolean, words: string, onClose: () => void): void {
  const close = useEffectEvent(() => {
    toast({ kind: "problem", text: words });
    onClose();
  });
  useEffect(() => {
    if (gone) close();
  }, [gone]);
}
