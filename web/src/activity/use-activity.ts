import { infiniteQueryOptions, useInfiniteQuery } from "@tanstack/react-query";
import { type Activity, type EventKind, listActivity } from "../api/calls.ts";
import { useAct } from "../api/use-act.ts";

/** So many empty pages are passed over, before it is said that nothing was found so far. */
const PAGES_AT_ONCE = 5;

/** For admins alone, and only once they open it. */
const activityQuery = (kind: EventKind | null) =>
  infiniteQueryOptions({
    queryKey: ["activity", kind],
    queryFn: async ({ pageParam, ...fetching }): Promise<Activity> => {
      let page = await listActivity(fetching, kind, pageParam);
      for (let more = 1; more < PAGES_AT_ONCE; more += 1) {
        if (page.events.length > 0 || page.next === null) break;
        page = await listActivity(fetching, kind, page.next);
      }
      return page;
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });

/** What happened, newest first, as far as it was asked for. */
export function useActivity(kind: EventKind | null) {
  const query = useInfiniteQuery(activityQuery(kind));
  const more = useAct({ mutationFn: () => query.fetchNextPage() });
  const [newest] = query.data?.pages ?? [];
  return {
    ...query,
    /** When the newest page was told. */
    asOf: newest?.asOf ?? Number.NaN,
    events: query.data?.pages.flatMap(({ events }) => events),
    more,
  };
}
