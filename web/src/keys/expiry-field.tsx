import { SelectField } from "../ui/select-field.tsx";
import { TextField } from "../ui/text-field.tsx";
import { CHOICES, type Expiry } from "./use-expiry.ts";

interface Props {
  expiry: Expiry;
  /** What the server says against it. */
  refused: string | null;
  onChange: () => void;
}

/** Asks when a key ends, and says in words what is chosen. */
export function ExpiryField({ expiry, refused, onChange }: Props) {
  const { choice, day, limits, wrong, field, isTyped, words } = expiry;
  return (
    <>
      <SelectField
        label="Expiry"
        help={isTyped ? null : (refused ?? words)}
        options={CHOICES}
        value={choice}
        onChange={(next) => {
          onChange();
          expiry.pick(next);
        }}
      />
      {isTyped && (
        <TextField
          ref={field}
          label="Last day"
          type="date"
          required
          {...limits}
          help={words}
          error={wrong ?? refused}
          value={day}
          onChange={(next) => {
            onChange();
            expiry.type(next);
          }}
        />
      )}
    </>
  );
}
