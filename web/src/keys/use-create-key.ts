import { useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { createKey, type NewKey } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { sessionQuery } from "../session/session.ts";
import { useShowKey } from "./key-viewer.tsx";
import { keysQuery } from "./keys-query.ts";
import { type ShownKey, ShownOnce } from "./shown-once.ts";

/**
 * Makes a key and shows it. A retry after an answer that was lost gives the same key again, and
 * takes no second slot.
 */
export function useCreateKey(onCreated: () => void) {
  const client = useQueryClient();
  const show = useShowKey();
  const attempt = useRef<{ key: string; id: string } | null>(null);

  return useAct({
    mutationFn: async (wanted: NewKey): Promise<ShownKey> => {
      const same = JSON.stringify(wanted);
      if (attempt.current?.key !== same) attempt.current = { key: same, id: crypto.randomUUID() };
      const { key, api_key } = await createKey(wanted, attempt.current.id);
      return { name: key.name, plain: new ShownOnce(api_key), openerId: "new-api-key" };
    },
    onSuccess: (created) => {
      attempt.current = null;
      onCreated();
      show(created);
      void client.invalidateQueries({ queryKey: keysQuery.queryKey });
      void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    },
    onError: (error) => {
      const failure = failureOf(error);
      // An answer that did come is final: the next try is another attempt.
      if (!failure.mayPass) attempt.current = null;
      if (failure.code === "key_limit_reached")
        void client.invalidateQueries({ queryKey: keysQuery.queryKey });
    },
  });
}
