/** What goes wrong at the login, in words that say what to do next. */

import type { Failure } from "../api/failure.ts";
import { counted } from "../ui/counted.ts";

const WRONG = "That is not the code that was mailed";

export function wordsAboutCode(failure: Failure): string {
  const left = failure.attemptsLeft;
  if (failure.code !== "code_incorrect") return failure.detail;
  if (left === 0) return `${WRONG}, and it was the last guess. Ask for a new code.`;
  const warning = left === null ? "" : `: ${counted(left, "attempt")} left`;
  return `${WRONG}. Check the newest mail and try again${warning}.`;
}

export const TOO_MANY_ATTEMPTS =
  "Those were too many wrong codes, so this login was stopped. Send a new code to start again.";

export const SUSPENDED =
  "This account is suspended, so nobody can log in to it. Contact the provider of the API.";

export const FAREWELLS = {
  session_ended:
    "Your session has ended: it expired, was logged out elsewhere, or your access was removed. " +
    "Log in to go on.",
  session_expired:
    "Your session ended: it was not used for 12 hours, or was opened 7 days ago. Log in to go on.",
  account_suspended: SUSPENDED,
  logged_out: "You are logged out.",
  left: "You have left the account. You can log in to it again once an admin invites you.",
  logged_out_elsewhere: "You logged out in another tab.",
} as const;

export const INVITED =
  "You are invited. Log in with the e-mail address that the invitation was sent to.";

export const DECLINED = "The invitation is declined. There is nothing else to do.";
