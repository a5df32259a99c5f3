/** Reads that no person asked for, such as those of a page that lies open. */

import type { Query, QueryClient, QueryKey } from "@tanstack/react-query";

type FetchMeta = NonNullable<Query["state"]["fetchMeta"]>;

/** What such a fetch is marked with, through all of its tries. */
const UNASKED: FetchMeta = {};

/** Reads again what is on the page, one thing after the other. A failure is told by the cache. */
export async function readAll(client: QueryClient, unasked: boolean): Promise<void> {
  for (const query of client.getQueryCache().findAll()) {
    if (query.isActive())
      await query.fetch(undefined, unasked ? { meta: UNASKED } : {}).catch(() => {});
  }
}

export function isUnasked(client: QueryClient, queryKey: QueryKey): boolean {
  return client.getQueryState(queryKey)?.fetchMeta === UNASKED;
}
