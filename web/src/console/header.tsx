import { useQueryClient } from "@tanstack/react-query";
import { endSession } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { LOG_OUT, type LoggedIn, leave } from "../session/session.ts";
import { tellOtherTabs } from "../session/tabs.ts";
import { Brand } from "../ui/brand.tsx";
import { Button } from "../ui/button.tsx";
import { settle, toast } from "../ui/toast-store.ts";
import { OwnMenu } from "./own-menu.tsx";
import "./header.css";

export function Header({ session }: { session: LoggedIn }) {
  const client = useQueryClient();
  const logOut = useAct({
    mutationKey: LOG_OUT,
    mutationFn: endSession,
    onMutate: () => settle("log-out"),
    onSuccess: () => {
      tellOtherTabs("logged_out");
      leave(client, "logged_out");
    },
    onError: (error) => {
      const failure = failureOf(error);
      if (failure.endsSession) return;
      toast({
        kind: "problem",
        about: "log-out",
        text: `You are still logged in. ${failure.detail}`,
        retry: () => logOut.mutate(),
      });
    },
  });
  return (
    <header className="header">
      <div className="header-row">
        <Brand />
        <span className="header-account" title={session.account.name}>
          {session.account.name}
        </span>
        <div className="header-me">
          <span className="header-email" title={session.member.email}>
            {session.member.email}
          </span>
          <span className="header-role">
            {session.member.role === "admin" ? "Admin" : "Member"}
          </span>
        </div>
        <OwnMenu />
        <Button onClick={() => logOut.mutate()} busy={logOut.isPending}>
          Log out
        </Button>
      </div>
    </header>
  );
}
