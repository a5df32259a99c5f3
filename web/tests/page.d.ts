/** What tests and measurements write into a page, to ask it for later. */

declare var axe: typeof import("axe-core");

/** Each text that the countdown had. */
declare var shown: string[];

/** How the page came up, up to what the selector finds. */
declare var measured: (selector: string) => {
  shift: number;
  painted: number;
  interactive: number;
  blocked: number;
};
