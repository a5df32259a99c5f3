import { useId } from "react";
import "./text-field.css";

interface Props {
  label: string;
  help: string | null;
  options: readonly string[];
  value: string;
  disabled?: boolean;
  onChange: (value: string) => void;
}

/** One of a few, in words. */
export function SelectField({ label, help, options, value, disabled, onChange }: Props) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        aria-describedby={help ? `${id}-help` : undefined}
        onChange={(event) => onChange(event.target.value)}
      >
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
      {help && (
        <p className="field-help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}
