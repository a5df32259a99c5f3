import { useState } from "react";
import { failureOf } from "../api/failure.ts";
import { Confirm } from "../ui/confirm.tsx";
import { FormModal } from "../ui/form-modal.tsx";
import { Notice } from "../ui/notice.tsx";
import { SelectField } from "../ui/select-field.tsx";
import { useHeldPage } from "./use-held-page.ts";
import { type KeyDialogProps, moreId } from "./use-key-act.ts";
import { useRotateKey } from "./use-rotate-key.ts";

const AT_ONCE = "At once";
const AFTER_A_DAY = "After 1 day";
const SECONDS: Record<string, number> = {
  [AT_ONCE]: 0,
  "After 1 hour": 60 * 60,
  [AFTER_A_DAY]: 24 * 60 * 60,
  "After 7 days": 7 * 24 * 60 * 60,
};

export function RotateKeyDialog(props: KeyDialogProps) {
  const { apiKey, openerId = moreId(apiKey), onClose } = props;
  const [end, setEnd] = useState(AFTER_A_DAY);
  const [asking, setAsking] = useState(false);
  const rotate = useRotateKey(props, openerId);
  const { unanswered } = rotate;
  const perhapsDone = unanswered || rotate.isPending;
  useHeldPage(onClose, perhapsDone);

  return (
    <FormModal
      title={`Rotate “${apiKey.name}”`}
      description={
        <>
          <p>
            The key gets a new value, which is shown once. Its name, its end and its place stay.
          </p>
          {/* The list may have heard of it already: then it is the value that it keeps. */}
          {apiKey.old_valid_until && !perhapsDone && (
            <p>The value before the last rotation still works. It stops at once.</p>
          )}
        </>
      }
      action={unanswered ? "Try again" : "Rotate"}
      busy={rotate.isPending}
      failure={rotate.error && failureOf(rotate.error)}
      question={null}
      onSubmit={() => rotate.mutate(SECONDS[end] ?? 0)}
      onClose={() => (unanswered ? setAsking(true) : onClose())}
    >
      <SelectField
        label="The value until now stops working"
        help={end === AT_ONCE ? null : "Until then, the old value and the new one both work."}
        options={Object.keys(SECONDS)}
        value={end}
        disabled={perhapsDone}
        onChange={(next) => {
          rotate.reset();
          setEnd(next);
        }}
      />
      {end === AT_ONCE && (
        <Notice kind="problem">
          Everything that calls the API with this key fails until it has the new value.
        </Notice>
      )}
      {asking && (
        <Confirm
          title="Leave without an answer?"
          action="Leave"
          cancel="Back"
          onCancel={() => setAsking(false)}
          onConfirm={onClose}
        >
          <p>The key may have a new value by now. Only “Try again” shows it.</p>
        </Confirm>
      )}
    </FormModal>
  );
}
