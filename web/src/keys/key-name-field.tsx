import { Confirm } from "../ui/confirm.tsx";
import { TextField } from "../ui/text-field.tsx";
import type { KeyName } from "./use-key-name.ts";

interface FieldProps {
  name: KeyName;
  /** What the server says against it. */
  refused: string | null;
  onChange: () => void;
}

export function KeyNameField({ name, refused, onChange }: FieldProps) {
  return (
    <TextField
      ref={name.field}
      label="Name"
      name="name"
      required
      autoComplete="off"
      placeholder="Zapier Integration"
      help="For example iOS App, Zapier Integration or Backend Staging."
      value={name.text}
      error={name.wrong ?? refused}
      onChange={(text) => {
        onChange();
        name.type(text);
      }}
    />
  );
}

interface QuestionProps {
  action: string;
  onConfirm: () => void;
  onCancel: () => void;
}

/** Two keys may have one name, if that is meant. */
export function SameNameQuestion(props: QuestionProps) {
  return (
    <Confirm
      {...props}
      title="There is a key of this name already"
      cancel="Change the name"
      tone="primary"
    >
      <p>Keys of one name are told apart only by their beginnings.</p>
    </Confirm>
  );
}
