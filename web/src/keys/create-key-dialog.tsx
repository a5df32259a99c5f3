import { useRef, useState } from "react";
import type { Keys } from "../api/calls.ts";
import { toldAt } from "../api/failure.ts";
import { FormModal } from "../ui/form-modal.tsx";
import { DISCARD } from "../ui/modal.tsx";
import { ExpiryField } from "./expiry-field.tsx";
import { KeyNameField, SameNameQuestion } from "./key-name-field.tsx";
import { useCreateKey } from "./use-create-key.ts";
import { useExpiry } from "./use-expiry.ts";
import { useKeyName } from "./use-key-name.ts";

interface Props {
  memberId: string;
  /** Those that are there. */
  keys: Keys;
  onClose: () => void;
}

export function CreateKeyDialog({ memberId, keys, onClose }: Props) {
  const name = useKeyName(`key-name:${memberId}`, keys);
  const expiry = useExpiry(`key:${memberId}`, keys.asOf, null);
  const [asking, setAsking] = useState(false);
  /** Sent before, or asked about: a retry may find the key that it made. */
  const settled = useRef<string | null>(null);
  const create = useCreateKey(close);

  function close() {
    name.drop();
    expiry.drop();
    onClose();
  }

  function submit() {
    if (!name.isGood() || !expiry.isGood()) return;
    const asked = settled.current === name.trimmed;
    settled.current = name.trimmed;
    if (!name.isTaken() || asked) return send();
    // What is to be changed, once the question is answered.
    name.field.current?.focus();
    setAsking(true);
  }

  function send() {
    setAsking(false);
    create.mutate({ name: name.trimmed, expires_at: expiry.at() });
  }

  const told = toldAt(create.error, "invalid_name", "invalid_expiry");
  return (
    <FormModal
      title="New API key"
      description={
        <p>
          Give the key a name that tells where it will be used. You see its value once, right after
          it is created.
        </p>
      }
      action="Create Key"
      busy={create.isPending}
      failure={told.elsewhere}
      question={name.trimmed ? DISCARD : null}
      onSubmit={submit}
      onClose={close}
    >
      <KeyNameField name={name} refused={told.invalid_name} onChange={create.reset} />
      <ExpiryField expiry={expiry} refused={told.invalid_expiry} onChange={create.reset} />
      {asking && (
        <SameNameQuestion
          action="Create another"
          onCancel={() => setAsking(false)}
          onConfirm={send}
        />
      )}
    </FormModal>
  );
}
