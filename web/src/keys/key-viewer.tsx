import { createContext, type ReactNode, useContext, useState } from "react";
import type { ShownOnce } from "./shown-once.ts";
import { KeyViewerDialog } from "./key-viewer-dialog.tsx";

export interface NewKey {
  name: string;
  plain: ShownOnce;
}

const Show = createContext<(key: NewKey) => void>(() => {});

/** Opens the viewing modal for a key that was just made. */
export function useShowKey(): (key: NewKey) => void {
  return useContext(Show);
}

export function KeyViewerProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<NewKey | null>(null);
  function close() {
    shown?.plain.forget();
    setShown(null);
  }
  return (
    <Show value={setShown}>
      {children}
      {shown && <KeyViewerDialog shown={shown} onClose={close} />}
    </Show>
  );
}
