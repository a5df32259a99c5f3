import { useQueryClient } from "@tanstack/react-query";
import type { ApiKey, Keys } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { sandboxQuery } from "../sandbox/use-sandbox.ts";
import { sessionQuery } from "../session/session.ts";
import { toast } from "../ui/toast-store.ts";
import { useGone } from "../ui/use-gone.ts";
import { keysQuery } from "./keys-query.ts";

/** What every dialog about a key that is there is given. */
export interface KeyDialogProps {
  /** As it is now, or as it was when the list still had it. */
  apiKey: ApiKey;
  keys: Keys;
  memberId: string;
  /** What opened it, if not the key's menu. */
  openerId?: string;
  onClose: () => void;
}

/** The button of a key's menu. */
export const moreId = ({ id }: ApiKey) => `more-${id}`;

interface Act<Data, Input> {
  mutationFn: (input: Input) => Promise<Data>;
  /** Once it is done; `refresh` reads again what it may have changed. */
  onDone: (data: Data, refresh: () => Promise<void>) => Promise<void> | void;
}

/** An act on a key. When the key is not there any more, its dialog says so and closes. */
export function useKeyAct<Data, Input = void>(
  { apiKey, keys, onClose }: KeyDialogProps,
  { mutationFn, onDone }: Act<Data, Input>,
) {
  const client = useQueryClient();
  const goneWords = `“${apiKey.name}” is not there any more: it has been deleted.`;
  const act = useAct({
    mutationFn,
    onSuccess: (data) => onDone(data, refresh),
    onError: async (error) => {
      const { code, endsSession } = failureOf(error);
      if (endsSession) return;
      // It expired meanwhile, or a lost answer was a yes: news to the list.
      if (code !== "key_not_found") return void refresh();
      await refresh();
      onClose();
      toast({ kind: "problem", text: goneWords });
    },
  });
  const listed = keys.keys.some((key) => key.id === apiKey.id);
  useGone(!listed && !act.isPending && !act.isSuccess, goneWords, onClose);

  async function refresh() {
    if (apiKey.sandbox) void client.invalidateQueries({ queryKey: sandboxQuery.queryKey });
    void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    await client.invalidateQueries({ queryKey: keysQuery.queryKey });
  }

  return act;
}
