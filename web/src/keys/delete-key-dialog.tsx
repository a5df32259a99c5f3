import { useQueryClient } from "@tanstack/react-query";
import { type ApiKey, deleteKey } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { sandboxQuery } from "../sandbox/use-sandbox.ts";
import { sessionQuery } from "../session/session.ts";
import { Confirm } from "../ui/confirm.tsx";
import { toast } from "../ui/toast-store.ts";
import { useGone } from "../ui/use-gone.ts";
import { keysQuery } from "./keys-query.ts";

interface Props {
  apiKey: ApiKey;
  /** Whether the list still has it. */
  listed: boolean;
  onClose: () => void;
}

export function DeleteKeyDialog({ apiKey, listed, onClose }: Props) {
  const client = useQueryClient();
  const goneWords = `“${apiKey.name}” is not there any more: it has been deleted.`;
  const remove = useAct({
    mutationFn: () => deleteKey(apiKey.id),
    onSuccess: async () => {
      await refresh();
      onClose();
      toast({ kind: "done", text: `“${apiKey.name}” was deleted and does not work any more.` });
    },
    onError: async (error) => {
      const failure = failureOf(error);
      if (failure.code !== "key_not_found") return;
      await refresh();
      onClose();
      toast({ kind: "problem", text: goneWords });
    },
  });
  useGone(!listed && !remove.isPending && !remove.isSuccess, goneWords, onClose);

  async function refresh() {
    if (apiKey.sandbox) void client.invalidateQueries({ queryKey: sandboxQuery.queryKey });
    void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    await client.invalidateQueries({ queryKey: keysQuery.queryKey });
  }

  return (
    <Confirm
      title={apiKey.sandbox ? "Delete the Sandbox key?" : `Delete “${apiKey.name}”?`}
      action="Delete key"
      busy={remove.isPending}
      failure={remove.error && failureOf(remove.error)}
      onCancel={onClose}
      onConfirm={() => remove.mutate()}
    >
      {apiKey.sandbox ? (
        <p>
          The Sandbox stops working at once and shows as not configured until auto-provisioning runs
          again: at the next login, or by Retry Auto-Configuration, which makes a new key.
        </p>
      ) : (
        <p>
          <span>Everything that calls the API with the key </span>
          <code>{`${apiKey.start}…`}</code>
          <span> stops working at once.</span>
        </p>
      )}
      <p>This action cannot be undone.</p>
    </Confirm>
  );
}
