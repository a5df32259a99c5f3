/**
 * Whether a text looks like an address at all. The server has the last word; this one answers
 * before anything is sent.
 */
export function looksLikeEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text.trim());
}

export const NOT_AN_EMAIL = "Enter a valid e-mail address, such as name@example.com.";
