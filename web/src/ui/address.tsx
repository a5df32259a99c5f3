import { Fragment } from "react";

/** An e-mail address that breaks, where it must, before its @ and its dots. */
export function Address({ children }: { children: string }) {
  return (
    <span translate="no">
      {children.split(/(?=[@.])/).map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a part has nothing but its place
        <Fragment key={index}>
          {index > 0 && <wbr />}
          <span>{part}</span>
        </Fragment>
      ))}
    </span>
  );
}
