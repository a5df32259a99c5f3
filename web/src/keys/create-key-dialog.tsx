import { type FormEvent, useRef, useState } from "react";
import type { Keys } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useDraft } from "../session/drafts.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { DISCARD, Modal } from "../ui/modal.tsx";
import { Notice } from "../ui/notice.tsx";
import { TextField } from "../ui/text-field.tsx";
import { ExpiryField } from "./expiry-field.tsx";
import { useCreateKey } from "./use-create-key.ts";
import { useExpiry } from "./use-expiry.ts";

const MAX_NAME_LENGTH = 64;

interface Props {
  memberId: string;
  /** Those that are there. */
  keys: Keys;
  onClose: () => void;
}

export function CreateKeyDialog({ memberId, keys, onClose }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const name = useDraft(`key-name:${memberId}`);
  const expiry = useExpiry(`key:${memberId}`, keys.asOf, null);
  const [invalid, setInvalid] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  /** Sent before, or asked about: a retry may find the key that it made. */
  const settled = useRef<string | null>(null);
  const create = useCreateKey(close);

  function close() {
    name.drop();
    expiry.drop();
    onClose();
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (create.isPending) return;
    const trimmed = name.text.trim();
    const problem = wrongWith(trimmed);
    setInvalid(problem);
    const composed = trimmed.normalize("NFC");
    const taken = keys.keys.some((key) => key.name === composed) && settled.current !== trimmed;
    if (problem) field.current?.focus();
    if (problem || !expiry.isGood()) return;
    // The name is what is to be changed, now or once the question is answered.
    if (taken) field.current?.focus();
    settled.current = trimmed;
    if (taken) setAsking(true);
    else send();
  }

  function send() {
    create.mutate({ name: name.text.trim(), expires_at: expiry.at() });
  }

  const failure = create.error && !create.isPending ? failureOf(create.error) : null;
  const refusedName = failure?.code === "invalid_name" ? failure.detail : null;
  const refusedExpiry = failure?.code === "invalid_expiry" ? failure.detail : null;
  return (
    <Modal
      title="New API key"
      // What is under way has its answer waited for: it may be a key.
      busy={create.isPending}
      question={name.text.trim() ? DISCARD : null}
      onClose={close}
      description={
        <p>
          Give the key a name that tells where it will be used. You see its value once, right after
          it is created.
        </p>
      }
    >
      <form onSubmit={submit} noValidate>
        <TextField
          ref={field}
          label="Name"
          name="name"
          required
          autoComplete="off"
          placeholder="Zapier Integration"
          help="For example iOS App, Zapier Integration or Backend Staging."
          value={name.text}
          error={invalid ?? refusedName}
          onChange={(text) => {
            setInvalid(null);
            create.reset();
            name.type(text);
          }}
        />
        <ExpiryField expiry={expiry} refused={refusedExpiry} onChange={create.reset} />
        {failure && !refusedName && !refusedExpiry && !failure.endsSession && (
          <Notice kind="problem">{failure.detail}</Notice>
        )}
        <div className="dialog-actions">
          <Button onClick={close} refused={create.isPending}>
            Cancel
          </Button>
          <Button type="submit" tone="primary" busy={create.isPending}>
            Create Key
          </Button>
        </div>
      </form>
      {asking && (
        <Confirm
          title="There is a key of this name already"
          action="Create another"
          cancel="Change the name"
          tone="primary"
          onCancel={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false);
            send();
          }}
        >
          <p>Keys of one name are told apart only by their beginnings.</p>
        </Confirm>
      )}
    </Modal>
  );
}

function wrongWith(name: string): string | null {
  if (name === "") return "Give the key a name.";
  // As the server counts: composed, by code points.
  const length = [...name.normalize("NFC")].length;
  if (length > MAX_NAME_LENGTH)
    return `A name has at most ${MAX_NAME_LENGTH} characters; this one has ${length}.`;
  return null;
}
