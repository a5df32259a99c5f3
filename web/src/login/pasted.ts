/**
 * The login code in a text that was pasted: the first number of six digits, with spaces or hyphens
 * between them or not. Digits of a longer number, of a date or of a word are none; rather no code
 * than a wrong one, which costs a guess.
 */
export function codeIn(text: string): string | undefined {
  // Makes plain digits and spaces of wide and unbreakable ones.
  const plain = text.normalize("NFKC").replace(/\p{Cf}/gu, "");
  return plain
    .match(/(?<!\w)\d(?:[\t .,:/-]?\d)*(?!\w)/g)
    ?.map((number) => number.replace(/[\t -]/g, ""))
    .find((digits) => /^\d{6}$/.test(digits));
}
