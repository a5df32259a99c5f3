import { changeKey } from "../api/calls.ts";
import { toldAt } from "../api/failure.ts";
import { FormModal } from "../ui/form-modal.tsx";
import { DISCARD } from "../ui/modal.tsx";
import { toast } from "../ui/toast-store.ts";
import { ExpiryField } from "./expiry-field.tsx";
import { useExpiry } from "./use-expiry.ts";
import { type KeyDialogProps, useKeyAct } from "./use-key-act.ts";

export function ChangeExpiryDialog(props: KeyDialogProps) {
  const { apiKey, keys, memberId } = props;
  const expiry = useExpiry(`key:${memberId}:${apiKey.id}`, keys.asOf, apiKey.expires_at);
  const change = useKeyAct(props, {
    mutationFn: () => changeKey(apiKey.id, { expires_at: expiry.at() }),
    onDone: async (_, refresh) => {
      await refresh();
      close();
      toast({ kind: "done", about: apiKey.id, text: `“${apiKey.name}”: ${expiry.words}` });
    },
  });

  function close() {
    expiry.drop();
    props.onClose();
  }

  const told = toldAt(change.error, "invalid_expiry");
  return (
    <FormModal
      title={`Change when “${apiKey.name}” expires`}
      description={
        apiKey.state === "expired" ? (
          <p>It has expired, and is refused. With a later end it works again.</p>
        ) : (
          <p>From then on it is refused. It keeps its place until it is deleted.</p>
        )
      }
      action="Change expiry"
      busy={change.isPending}
      failure={told.elsewhere}
      question={expiry.isChanged ? DISCARD : null}
      onSubmit={() => expiry.isGood() && change.mutate()}
      onClose={close}
    >
      <ExpiryField expiry={expiry} refused={told.invalid_expiry} onChange={change.reset} />
    </FormModal>
  );
}
