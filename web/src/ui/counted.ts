import { locales } from "./locales.ts";

/** As the reader writes numbers. */
export const number = new Intl.NumberFormat(locales).format;

/** `1 key`, `2 keys`. */
export function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}
