/**
 * What a page shows stays true while somebody is there: it is read again when they come back, and
 * every minute while they use it. A read by itself never counts as a use of the session, and none
 * of these validates anything.
 */

import type { QueryClient } from "@tanstack/react-query";
import { readAll } from "../api/unasked.ts";
import { sandboxQuery } from "../sandbox/use-sandbox.ts";
import { type Presence, sessionQuery } from "../session/session.ts";

const EVERY_MS = 60_000;
/** Not all open pages at the same moment. */
const JITTER = 0.1;
/** So long after the last touch, somebody is taken to be there. */
const IN_USE_MS = 10 * 60_000;
/** What was read longer ago is not shown as the state of things: a page in use never has it. */
const STALE_MS = 90_000;

/** Coming back is told by several events at once. */
const AT_ONCE_MS = 1000;

const TOUCHES = ["pointerdown", "pointermove", "keydown", "wheel"];

export function keepTrue(client: QueryClient): void {
  // Of this browser's clock, which goes on while a laptop sleeps; only lengths are taken.
  let touchedAt = Date.now();
  let begunAt = Date.now();
  let reading = false;
  let again = false;

  async function read(unasked: boolean) {
    if (reading) {
      // What is read already may have changed since.
      again ||= !unasked && Date.now() - begunAt > AT_ONCE_MS;
      return;
    }
    again = false;
    begunAt = Date.now();
    const sandbox = client.getQueryCache().find(sandboxQuery);
    if (sandbox?.state.data && begunAt - sandbox.state.dataUpdatedAt > STALE_MS) sandbox.reset();
    if (!navigator.onLine) return;
    reading = true;
    try {
      await readAll(client, unasked);
    } finally {
      reading = false;
    }
    if (again) await read(false);
  }

  function touched() {
    touchedAt = Date.now();
    if (touchedAt - begunAt > STALE_MS) void read(false);
  }

  function cameBack() {
    touchedAt = Date.now();
    if (document.visibilityState === "visible") void read(false);
  }

  function later() {
    const wait = EVERY_MS * (1 + JITTER * (2 * Math.random() - 1));
    setTimeout(async () => {
      const inUse = document.visibilityState === "visible" && Date.now() - touchedAt < IN_USE_MS;
      const presence = client.getQueryData<Presence>(sessionQuery.queryKey);
      try {
        if (inUse && presence?.in) await read(true);
      } finally {
        later();
      }
    }, wait);
  }

  for (const touch of TOUCHES)
    window.addEventListener(touch, touched, { passive: true, capture: true });
  window.addEventListener("visibilitychange", cameBack);
  window.addEventListener("focus", cameBack);
  window.addEventListener("online", () => void read(true));
  // Kept whole by the browser, for the back button: as old as it may be.
  window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  later();
}
