import type { ComponentProps } from "react";
import { TextField } from "./text-field.tsx";

type Props = Omit<ComponentProps<typeof TextField>, "label">;

/**
 * A field for an e-mail address. Not of the type `email`: with that one, Chromium hands the domain
 * over in Punycode, and not as it was typed.
 */
export function EmailField(props: Props) {
  return (
    <TextField
      {...props}
      label="E-mail"
      name="email"
      inputMode="email"
      autoCapitalize="none"
      spellCheck={false}
      placeholder="name@example.com"
    />
  );
}
