/**
 * What is wrong with an address, as far as a page can know; null if nothing is. The server has the
 * last word (`shared/domain/src/email.rs`) and takes whatever is refused here for none, too.
 */
export function wrongWithEmail(text: string): string | null {
  const address = text.trim();
  const at = address.lastIndexOf("@");
  if (at < 1) return "Enter an e-mail address, such as name@example.com.";

  const local = address.slice(0, at);
  const domain = address.slice(at + 1);
  // A domain of other letters is translated before it is judged: that is the server's.
  const plain = /^[\0-\x7f]*$/.test(domain);
  const strange =
    strangeIn(local, /[^\w.!#$%&'*+/=?^`{|}~-]/u, "before") ??
    (plain && strangeIn(domain, /[^a-z\d.-]/i, "after"));
  if (strange) return strange;
  // The last part of a number is none of a domain.
  if (plain && !/\.(?!\d+$)[^.]*\.?$/.test(domain))
    return "What follows the @ is no domain, such as example.com.";
  if (/(^|@|\.)\.|\.(@|$)/.test(address))
    return "A dot cannot be first or last, or follow another.";
  if (local.length > 64)
    return `At most 64 characters can stand before the @, not ${local.length}.`;
  if (plain && address.length > 254)
    return `An e-mail address has at most 254 characters, not ${address.length}.`;
  return null;
}

/** About the first character that cannot be there. */
function strangeIn(part: string, none: RegExp, side: string): string | undefined {
  const character = part.match(none)?.[0];
  if (!character) return;
  return /[\p{C}\p{Z}\p{DI}]/u.test(character)
    ? "There is a space or an invisible character in this address."
    : `“${character}” cannot stand ${side} the @.`;
}
