import { unstable_OneTimePasswordField as OneTimePasswordField } from "radix-ui";
import type { ClipboardEvent, Ref } from "react";
import { codeIn } from "./pasted.ts";
import "./code-boxes.css";

export const CODE_LENGTH = 6;

const PLACES = Array.from({ length: CODE_LENGTH }, (_, place) => place);

interface Props {
  ref: Ref<HTMLDivElement>;
  value: string;
  onChange: (value: string) => void;
  disabled: boolean;
  readOnly: boolean;
  invalid: boolean;
  describedBy: string | undefined;
}

/**
 * Six boxes for six digits: typing goes on, Backspace goes back, a paste fills them all, the last
 * digit submits.
 */
export function CodeBoxes({
  ref,
  value,
  onChange,
  disabled,
  readOnly,
  invalid,
  describedBy,
}: Props) {
  function paste(event: ClipboardEvent) {
    // In place of Radix's own, which takes the first six digits that there are.
    event.preventDefault();
    const code = codeIn(event.clipboardData.getData("text/plain"));
    if (code && !disabled && !readOnly) onChange(code);
  }

  return (
    <OneTimePasswordField.Root
      ref={ref}
      className="code-boxes"
      aria-label="Login code"
      aria-describedby={describedBy}
      autoSubmit
      name="code"
      value={value}
      onValueChange={onChange}
      onPaste={paste}
      disabled={disabled}
      readOnly={readOnly}
    >
      {PLACES.map((place) => (
        <OneTimePasswordField.Input
          key={place}
          index={place}
          aria-label={`Digit ${place + 1} of ${CODE_LENGTH}`}
          aria-invalid={invalid}
        />
      ))}
      <OneTimePasswordField.HiddenInput />
    </OneTimePasswordField.Root>
  );
}
