import type { ReactNode } from "react";
import "./checkbox-field.css";

interface Props {
  name: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ReactNode;
}

export function CheckboxField({ name, checked, onChange, children }: Props) {
  return (
    <label className="checkbox-field">
      <input
        type="checkbox"
        name={name}
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>{children}</span>
    </label>
  );
}
