/** What tests and measurements write into a page, to ask it for later. */

declare var axe: typeof import("axe-core");

/** What could be pressed in a state of the Sandbox's block, once it was shown. */
declare var sandboxShown: (title: string) => string[] | undefined;

/** Tells the page answers that were kept from it. */
declare var tellAnswers: () => void;

/** How the page came up, up to what the selector finds. */
declare var measured: (selector: string) => {
  shift: number;
  painted: number;
  interactive: number;
  blocked: number;
};
