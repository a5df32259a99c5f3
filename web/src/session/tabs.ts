/**
 * Tabs of one browser share the session's cookie; here they tell each other when it comes and goes.
 */

import type { QueryClient } from "@tanstack/react-query";
import { readAll } from "../api/unasked.ts";
import { leave } from "./session.ts";

type News = "logged_in" | "logged_out";

const channel = new BroadcastChannel("frontdesk-session");

export function tellOtherTabs(news: News): void {
  channel.postMessage(news);
}

export function listenToOtherTabs(client: QueryClient): void {
  channel.addEventListener("message", ({ data }: MessageEvent<News>) => {
    if (data === "logged_out") return leave(client, "logged_out_elsewhere");
    void readAll(client, false);
  });
}
