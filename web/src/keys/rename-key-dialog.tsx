import { useState } from "react";
import { changeKey } from "../api/calls.ts";
import { toldAt } from "../api/failure.ts";
import { FormModal } from "../ui/form-modal.tsx";
import { DISCARD } from "../ui/modal.tsx";
import { toast } from "../ui/toast-store.ts";
import { KeyNameField, SameNameQuestion } from "./key-name-field.tsx";
import { type KeyDialogProps, useKeyAct } from "./use-key-act.ts";
import { useKeyName } from "./use-key-name.ts";

export function RenameKeyDialog(props: KeyDialogProps) {
  const { apiKey, keys, memberId } = props;
  const [was] = useState(apiKey.name);
  const name = useKeyName(`key-name:${memberId}:${apiKey.id}`, keys, apiKey);
  const [asking, setAsking] = useState(false);
  const rename = useKeyAct(props, {
    mutationFn: () => changeKey(apiKey.id, { name: name.trimmed }),
    onDone: async ({ key }, refresh) => {
      await refresh();
      close();
      toast({ kind: "done", about: key.id, text: `“${was}” is called “${key.name}” now.` });
    },
  });

  function close() {
    name.drop();
    props.onClose();
  }

  function submit() {
    if (!name.isGood()) return;
    if (!name.isTaken()) return send();
    name.field.current?.focus();
    setAsking(true);
  }

  function send() {
    setAsking(false);
    rename.mutate();
  }

  const told = toldAt(rename.error, "invalid_name");
  return (
    <FormModal
      title={`Rename “${was}”`}
      description={<p>The key works as before: a name is for people alone.</p>}
      action="Rename"
      busy={rename.isPending}
      failure={told.elsewhere}
      question={name.text === was ? null : DISCARD}
      onSubmit={submit}
      onClose={close}
    >
      <KeyNameField name={name} refused={told.invalid_name} onChange={rename.reset} />
      {asking && (
        <SameNameQuestion
          action="Rename anyway"
          onCancel={() => setAsking(false)}
          onConfirm={send}
        />
      )}
    </FormModal>
  );
}
