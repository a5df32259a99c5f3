import { useSettings } from "../settings.ts";
import { Away } from "../ui/away.tsx";
import { CheckboxField } from "../ui/checkbox-field.tsx";

export function TermsCheckbox({
  checked,
  onChange,
}: {
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  const { termsUrl } = useSettings();
  return (
    <CheckboxField name="terms" checked={checked} onChange={onChange}>
      {termsUrl ? (
        <>
          <span>I accept the </span>
          <Away href={termsUrl}>terms of service</Away>
          <span>.</span>
        </>
      ) : (
        <span>I accept the terms of service.</span>
      )}
    </CheckboxField>
  );
}
