// Before the components: their styles build on these.
import "./ui/typeface.css";
import "./ui/theme.css";
import "./ui/base.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/query-client.ts";
import { App } from "./app.tsx";
import { keepTrue } from "./console/keep-true.ts";
import { takeInvitation } from "./login/invitation.ts";
import { listenToOtherTabs } from "./session/tabs.ts";
import { loadSettings } from "./settings.ts";

void loadSettings();
listenToOtherTabs(queryClient);
keepTrue(queryClient);
takeInvitation();

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
