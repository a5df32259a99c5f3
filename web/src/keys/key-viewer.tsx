import { createContext, type ReactNode, useContext, useState } from "react";
import { FaultBoundary } from "../ui/fault-boundary.tsx";
import { BareKey } from "./bare-key.tsx";
import { KeyViewerDialog } from "./key-viewer-dialog.tsx";
import type { ShownKey } from "./shown-once.ts";

const Show = createContext<(key: ShownKey) => void>(() => {});

/** Opens the viewing modal for a key that was just made. */
export function useShowKey(): (key: ShownKey) => void {
  return useContext(Show);
}

export function KeyViewerProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<ShownKey | null>(null);
  function close() {
    shown?.plain.forget();
    setShown(null);
  }
  return (
    <Show value={setShown}>
      {children}
      {shown && (
        <FaultBoundary fallback={<BareKey shown={shown} onClose={close} />}>
          <KeyViewerDialog shown={shown} onClose={close} />
        </FaultBoundary>
      )}
    </Show>
  );
}
