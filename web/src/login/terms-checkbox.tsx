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
    "terms of service"
  );
  return (
    <CheckboxField name="terms" checked={checked} onChange={onChange}>
      I accept the {terms}.
    </CheckboxField>
  );
}
