import { type ComponentProps, type ReactNode, type Ref, useId } from "react";
import "./text-field.css";

interface Props extends Omit<ComponentProps<"input">, "onChange" | "id" | "className" | "ref"> {
  ref?: Ref<HTMLInputElement>;
  label: string;
  help?: ReactNode;
  error: string | null;
  describedBy?: string | undefined;
  value: string;
  onChange: (text: string) => void;
}

export function TextField({ ref, label, help, error, describedBy, onChange, ...input }: Props) {
  const id = useId();
  const described = [error && `${id}-error`, help && `${id}-help`, describedBy]
    .filter(Boolean)
    .join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        {...input}
        ref={ref}
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={described || undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {error && (
        <p className="field-error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
      {help && !error && (
        <p className="field-help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}
