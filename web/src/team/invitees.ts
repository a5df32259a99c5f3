/** Several addresses in one field, as people type and paste them. */

import { wrongWithEmail } from "../ui/email.ts";

/** What is between addresses that somebody pastes. */
const BETWEEN = /[\s,;]+/;

/** Each once, whatever its capitals are. */
export function addressesIn(text: string): string[] {
  const all = text.split(BETWEEN).filter((part) => part !== "");
  const known = new Set<string>();
  return all.filter((address) => {
    const isNew = !known.has(address.toLowerCase());
    known.add(address.toLowerCase());
    return isNew;
  });
}

/** What is wrong with the first that is none; null if all are good. */
export function wrongAmong(addresses: readonly string[]): string | null {
  if (addresses.length < 2) return wrongWithEmail(addresses[0] ?? "");
  for (const address of addresses) {
    const wrong = wrongWithEmail(address);
    if (wrong) return `${address}: ${wrong}`;
  }
  return null;
}
