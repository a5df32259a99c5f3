import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { farewellOf, leave } from "../session/session.ts";
import { settle, toast } from "../ui/toast-store.ts";
import { failureOf } from "./failure.ts";

/** Where the server's state is cached, with the rules that hold for all of it. */
export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error, query) {
      const failure = failureOf(error);
      if (failure.endsSession) return leave(queryClient, farewellOf(queryClient, failure));
      // What never arrived says so in its own place; a refresh that failed leaves the old on the
      // screen and says so here.
      if (query.state.data !== undefined && failure.code !== "offline") {
        // Another failure is told as this one is.
        const retry = () => void query.fetch().catch(() => {});
        toast({ kind: "problem", about: query.queryHash, text: failure.detail, retry });
      }
    },
    onSuccess: (_, query) => settle(query.queryHash),
  }),
  mutationCache: new MutationCache({
    onError(error) {
      const failure = failureOf(error);
      if (failure.endsSession) leave(queryClient, farewellOf(queryClient, failure));
      // The role was taken away meanwhile: the page must not go on showing what an admin sees.
      if (failure.code === "admin_required") void queryClient.invalidateQueries();
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && failureOf(error).mayPass,
      // All of it at once: console/keep-true.ts.
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
    },
    mutations: {
      // Nothing waits in a queue to be sent later, when nobody expects it any more: offline, the
      // client refuses at once.
      networkMode: "always",
      retry: false,
      // Neither what was sent nor what came back is kept once its form is gone.
      gcTime: 0,
    },
  },
});
