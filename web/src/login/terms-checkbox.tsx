import { termsUrl } from "../settings.ts";
import { CheckboxField } from "../ui/checkbox-field.tsx";

export function TermsCheckbox({
  checked,
  onChange,
}: {
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  const terms = termsUrl ? (
    <a href={termsUrl} target="_blank" rel="noreferrer">
      terms of service
    </a>
  ) : (
    <span>terms of service</span>
  );
  return (
    <CheckboxField name="terms" checked={checked} onChange={onChange}>
      <span>I accept the </span>
      {terms}
      <span>.</span>
    </CheckboxField>
  );
}
