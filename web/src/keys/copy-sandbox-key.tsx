import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { revealSandboxKey } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { sandboxQuery } from "../sandbox/use-sandbox.ts";
import { Button } from "../ui/button.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { CopyIcon } from "../ui/icons.tsx";
import { focusDialog, Modal } from "../ui/modal.tsx";
import { toast } from "../ui/toast-store.ts";
import { KeyValue } from "./key-value.tsx";
import { keysQuery } from "./keys-query.ts";
import { ShownOnce } from "./shown-once.ts";

/** Copies the Sandbox key. It is shown only where the browser does not let the page copy. */
export function CopySandboxKey() {
  const client = useQueryClient();
  const [shown, setShown] = useState<ShownOnce | null>(null);
  const copy = useAct({
    mutationFn: async () => {
      const key = revealSandboxKey().then(({ api_key }) => new ShownOnce(api_key));
      try {
        await write(key);
      } catch {
        // Also when there is no key: then that is what is told.
        return setShown(await key);
      }
      (await key).forget();
      toast({ kind: "done", text: "The Sandbox key is copied to the clipboard." });
    },
    onError: (error) => {
      const failure = failureOf(error);
      if (!failure.endsSession) toast({ kind: "problem", text: failure.detail });
      if (failure.code !== "sandbox_not_ready") return;
      for (const { queryKey } of [keysQuery, sandboxQuery])
        void client.invalidateQueries({ queryKey });
    },
  });

  function close() {
    shown?.forget();
    setShown(null);
  }

  return (
    <>
      <IconButton
        label="Copy Sandbox key"
        icon={<CopyIcon />}
        refused={copy.isPending ? "The Sandbox key is being copied." : null}
        onClick={() => copy.mutate()}
      />
      {shown && (
        <Modal
          title="Sandbox key"
          description={<p>Your browser does not let this page copy. Copy the key by hand.</p>}
          question={null}
          focus={{ onOpenAutoFocus: focusDialog }}
          onClose={close}
        >
          <KeyValue plain={shown} />
          <div className="dialog-actions">
            <Button onClick={close}>Close</Button>
          </div>
        </Modal>
      )}
    </>
  );
}

/**
 * The clipboard is promised the text before there is one: some browsers take it only right at the
 * click.
 */
function write(key: Promise<ShownOnce>): Promise<void> {
  const text = key.then((known) => new Blob([known.read()], { type: "text/plain" }));
  // What becomes of the key is told by whoever asked for it, also where the browser asks no more.
  text.catch(() => {});
  return navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
}
