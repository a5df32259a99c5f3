import { deleteKey } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { Confirm } from "../ui/confirm.tsx";
import { toast } from "../ui/toast-store.ts";
import { isRecent, Used } from "./key-life.tsx";
import { type KeyDialogProps, useKeyAct } from "./use-key-act.ts";

export function DeleteKeyDialog(props: KeyDialogProps) {
  const { apiKey, keys, onClose } = props;
  // The Sandbox's key is used by this very page, to validate it.
  const at = apiKey.sandbox ? null : apiKey.last_used_at;
  const used = at && isRecent(at, keys.asOf) ? at : null;
  const remove = useKeyAct(props, {
    mutationFn: () => deleteKey(apiKey.id),
    onDone: async (_, refresh) => {
      await refresh();
      onClose();
      toast({ kind: "done", text: `“${apiKey.name}” was deleted and does not work any more.` });
    },
  });

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
      {used && (
        <p>
          <span>It was last used </span>
          <b>
            <Used at={used} asOf={keys.asOf} />
          </b>
          <span>.</span>
        </p>
      )}
      <p>This action cannot be undone.</p>
    </Confirm>
  );
}
