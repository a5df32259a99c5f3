import { Checkbox } from "radix-ui";
import { type ReactNode, useId } from "react";
import { CheckIcon } from "./icons.tsx";
import "./checkbox-field.css";

interface Props {
  name: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ReactNode;
}

export function CheckboxField({ name, checked, onChange, children }: Props) {
  const id = useId();
  return (
    <div className="checkbox-field">
      <Checkbox.Root
        id={id}
        name={name}
        className="checkbox"
        checked={checked}
        onCheckedChange={(next) => onChange(next === true)}
      >
        <Checkbox.Indicator asChild>
          <span>
            <CheckIcon />
          </span>
        </Checkbox.Indicator>
      </Checkbox.Root>
      <label htmlFor={id}>{children}</label>
    </div>
  );
}
