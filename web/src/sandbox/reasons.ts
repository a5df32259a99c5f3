/** Why a Sandbox is not configured, in words, and what helps. */

import type { SandboxReason } from "../api/calls.ts";

interface Words {
  what: string;
  help: string;
}

export const REASONS: Record<SandboxReason, Words> = {
  never_provisioned: {
    what: "The Sandbox has not been set up yet.",
    help: "Auto-configuration creates its reserved key and checks that it works.",
  },
  key_deleted: {
    what: "The Sandbox’s reserved key was deleted.",
    help: "Auto-configuration creates a new one.",
  },
  key_rejected: {
    what: "The API refused the Sandbox’s reserved key.",
    help: "Auto-configuration replaces its secret and checks it again.",
  },
  api_unreachable: {
    what: "The API could not be reached, so the key could not be checked.",
    help: "It may well be fine: wait a moment, then retry.",
  },
  api_timeout: {
    what: "The API did not answer in time, so the key could not be checked.",
    help: "It may well be fine: wait a moment, then retry.",
  },
  api_error: {
    what: "The API answered with an error, so the key could not be checked.",
    help: "It may well be fine: wait a moment, then retry.",
  },
  api_rate_limited: {
    what:
      "The API takes no more requests right now: it is busy, or this account’s limit is reached. " +
      "So the key could not be checked.",
    help:
      "Wait a minute, then retry. " +
      "If this month’s calls are used up, it works again once their count starts anew.",
  },
  timed_out: {
    what: "The last validation did not come to an end.",
    help: "Retrying starts it over.",
  },
};
