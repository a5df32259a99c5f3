import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { getSandbox, retrySandbox, type Sandbox, testSandbox } from "../api/calls.ts";
import { type Failure, failureOf } from "../api/failure.ts";
import { keysQuery } from "../keys/keys-query.ts";
import { toast } from "../ui/toast-store.ts";
import { awaitsTrigger, isFresh, noteVerdict } from "./freshness.ts";

export const sandboxQuery = queryOptions({ queryKey: ["sandbox"], queryFn: getSandbox });

/**
 * The first answer soon, later ones less and less often. The server gives a validation up after a
 * minute.
 */
const POLL_FIRST_MS = 700;
const POLL_SLOWEST_MS = 5_000;
const POLL_LONGEST_MS = 120_000;

/** A manual validation is seen to happen, even when its answer comes at once. */
const LEAST_SHOWN_MS = 500;

export interface SandboxControl {
  /** null: not known yet, or not to be had. */
  sandbox: Sandbox | null;
  validating: boolean;
  failure: Failure | null;
  reload: () => void;
  test: () => void;
  retry: () => void;
}

export function useSandbox(): SandboxControl {
  const client = useQueryClient();
  const waitingSince = useRef<number | null>(null);
  const query = useQuery({
    ...sandboxQuery,
    refetchInterval: ({ state }) => {
      if (!state.data) return false;
      if (!isPending(state.data, state.dataUpdatedAt)) {
        waitingSince.current = null;
        return false;
      }
      waitingSince.current ??= state.dataUpdatedAt;
      const waited = state.dataUpdatedAt - waitingSince.current;
      return waited > POLL_LONGEST_MS
        ? false
        : Math.min(POLL_SLOWEST_MS, POLL_FIRST_MS + waited / 3);
    },
  });

  const test = useMutation({
    mutationFn: async (by: "page" | "person") => {
      const [answer] = await Promise.all([
        testSandbox(),
        by === "person" ? pause(LEAST_SHOWN_MS) : undefined,
      ]);
      return answer;
    },
    onMutate: () => client.cancelQueries({ queryKey: sandboxQuery.queryKey }),
    onSuccess: (sandbox, by) => {
      client.setQueryData(sandboxQuery.queryKey, sandbox);
      if (by === "person" && sandbox.state === "ready")
        toast({ kind: "done", text: "The reserved key works." });
    },
    onError: (error, by) => {
      const failure = failureOf(error);
      void client.invalidateQueries({ queryKey: sandboxQuery.queryKey });
      if (by === "person" || failure.code !== "sandbox_not_ready")
        complain(failure, () => test.mutate(by));
    },
  });

  const retry = useMutation({
    mutationFn: async () => {
      const [answer] = await Promise.all([retrySandbox(), pause(LEAST_SHOWN_MS)]);
      return answer;
    },
    onMutate: () => client.cancelQueries({ queryKey: sandboxQuery.queryKey }),
    onSuccess: (sandbox) => client.setQueryData(sandboxQuery.queryKey, sandbox),
    onError: (error) => complain(failureOf(error), () => retry.mutate()),
  });

  const sandbox = query.data ?? null;
  // As of the last answer: one that says the same as the one before ends the wait, too.
  const pending = sandbox !== null && isPending(sandbox, query.dataUpdatedAt);
  const unchecked = useFirstValidation(sandbox, pending, () => test.mutate("page"));
  useRefreshOfKeys(sandbox, pending);

  return {
    sandbox,
    validating:
      sandbox === null ? !query.isError : pending || unchecked || test.isPending || retry.isPending,
    failure: sandbox === null && query.error ? failureOf(query.error) : null,
    reload: () => void query.refetch(),
    test: () => test.mutate("person"),
    retry: () => retry.mutate(),
  };
}

function isPending(sandbox: Sandbox, now: number): boolean {
  return sandbox.state === "validating" || awaitsTrigger(sandbox, now);
}

/**
 * A page load validates once, as soon as nothing else does: unless there is no key to try, or the
 * last result is younger than a minute. True until that is decided, so that an old result does not
 * flash up before.
 */
function useFirstValidation(
  sandbox: Sandbox | null,
  pending: boolean,
  validate: () => void,
): boolean {
  const [decided, setDecided] = useState(false);
  const done = useRef(false);
  useEffect(() => {
    if (done.current || sandbox === null || pending) return;
    done.current = true;
    noteVerdict();
    setDecided(true);
    if (sandbox.key_id !== null && !isFresh(sandbox, Date.now())) validate();
  });
  return !decided;
}

/** Provisioning may have made the Sandbox key: the list shows it as soon as that is over. */
function useRefreshOfKeys(sandbox: Sandbox | null, pending: boolean) {
  const client = useQueryClient();
  const keyId = sandbox?.key_id ?? null;
  const before = useRef({ keyId, pending });
  useEffect(() => {
    const ended = before.current.pending && !pending;
    if (ended || before.current.keyId !== keyId)
      void client.invalidateQueries({ queryKey: keysQuery.queryKey });
    before.current = { keyId, pending };
  }, [client, keyId, pending]);
}

function complain(failure: Failure, retry: () => void) {
  if (failure.endsSession) return;
  toast({ kind: "problem", text: failure.detail, ...(failure.mayPass && { retry }) });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
