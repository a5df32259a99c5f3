import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { getSandbox, retrySandbox, type Sandbox, type Session, testSandbox } from "../api/calls.ts";
import { Failure, failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { keysQuery } from "../keys/keys-query.ts";
import { useOnline } from "../ui/offline-banner.tsx";
import { lastSaid, settle, toast } from "../ui/toast-store.ts";
import { awaitsTrigger, isFresh } from "./freshness.ts";

const SANDBOX_QUERY_KEY = ["sandbox"];

export const sandboxQuery = queryOptions({
  queryKey: SANDBOX_QUERY_KEY,
  queryFn: async (fetching): Promise<Sandbox> => {
    const before = fetching.client.getQueryData<Sandbox>(SANDBOX_QUERY_KEY);
    const said = lastSaid();
    // Whoever waits for a validation has asked once.
    const sandbox = await getSandbox(fetching, before?.state === "validating");
    // What was said while the answer was under way is news, too.
    if (before && before.state !== sandbox.state) settle("sandbox", said);
    return sandbox;
  },
});

/**
 * The first answer soon, later ones less and less often. The server gives a validation up after a
 * minute.
 */
const POLL_FIRST_MS = 700;
const POLL_SLOWEST_MS = 5_000;
const POLL_LONGEST_MS = 120_000;

/** A manual validation is seen to happen, even when its answer comes at once. */
const LEAST_SHOWN_MS = 500;

interface Validation {
  by: "page" | "person";
  /** When the last verdict before it was given. */
  verdict: string | null;
}

export interface SandboxControl {
  /** null: not known yet, or not to be had. */
  sandbox: Sandbox | null;
  validating: boolean;
  failure: Failure | null;
  reload: () => void;
  test: () => void;
  retry: () => void;
}

export function useSandbox(session: Session): SandboxControl {
  const client = useQueryClient();
  const waitingSince = useRef<number | null>(null);
  const query = useQuery({
    ...sandboxQuery,
    refetchInterval: ({ state }) => {
      if (!state.data || !isPending(state.data, session)) {
        waitingSince.current = null;
        return false;
      }
      // An answer that says nothing is waited for as long as one that says so.
      const answeredAt = Math.max(state.dataUpdatedAt, state.errorUpdatedAt);
      waitingSince.current ??= answeredAt;
      const waited = answeredAt - waitingSince.current;
      return waited > POLL_LONGEST_MS
        ? false
        : Math.min(POLL_SLOWEST_MS, POLL_FIRST_MS + waited / 3);
    },
  });

  const begin = () => {
    settle("sandbox");
    return client.cancelQueries(sandboxQuery);
  };

  const test = useAct({
    mutationFn: async ({ by }: Validation) => {
      const [answer] = await Promise.all([
        testSandbox(),
        by === "person" ? pause(LEAST_SHOWN_MS) : undefined,
      ]);
      return answer;
    },
    onMutate: begin,
    onSuccess: (sandbox, { by }) => {
      client.setQueryData(sandboxQuery.queryKey, sandbox);
      if (by === "person" && sandbox.state === "ready")
        toast({ kind: "done", about: "sandbox", text: "The reserved key works." });
    },
    onError: (error, validation) => {
      // Said at once: how long the state takes to be read again is another matter.
      void client.invalidateQueries({ queryKey: sandboxQuery.queryKey });
      if (validation.by === "person") complain(failureOf(error), () => test.mutate(validation));
    },
  });

  const retry = useAct({
    mutationFn: async () => {
      const [answer] = await Promise.all([retrySandbox(), pause(LEAST_SHOWN_MS)]);
      return answer;
    },
    onMutate: begin,
    onSuccess: (sandbox) => client.setQueryData(sandboxQuery.queryKey, sandbox),
    onError: (error) => complain(failureOf(error), () => retry.mutate()),
  });

  const sandbox = query.data ?? null;
  const verdict = sandbox?.validated_at ?? null;
  const validate = (by: Validation["by"]) => test.mutate({ by, verdict });
  const pending = sandbox !== null && isPending(sandbox, session);
  const unchecked = useFirstValidation(sandbox, pending, () => validate("page"));
  useRefreshOfKeys(sandbox, pending);

  const offline = useOnline() ? null : Failure.offline();
  const error = sandbox === null ? (query.error ?? offline) : untested(test, verdict);
  const busy = pending || unchecked || test.isPending || retry.isPending;
  return {
    sandbox,
    validating: sandbox === null ? !error : busy,
    failure: error && failureOf(error),
    reload: () => (sandbox === null ? void query.refetch() : validate("page")),
    test: () => validate("person"),
    retry: () => retry.mutate(),
  };
}

/**
 * Why a page load's validation gave no verdict. Until there is another one than before it, the last
 * says nothing of what is now.
 */
function untested(
  { error, variables }: { error: Error | null; variables: Validation | undefined },
  verdict: string | null,
): Error | null {
  const open = variables?.by === "page" && variables.verdict === verdict;
  return open && error && failureOf(error).code !== "sandbox_not_ready" ? error : null;
}

function isPending(sandbox: Sandbox, session: Session): boolean {
  return sandbox.state === "validating" || awaitsTrigger(sandbox, session);
}

/**
 * A page load validates once, as soon as nothing else does: unless there is no key to try, or the
 * last result is some seconds old. True until that is decided, so that an old result does not
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
    setDecided(true);
    if (sandbox.key_id !== null && !isFresh(sandbox)) validate();
  });
  return !decided;
}

/** Provisioning may have made the Sandbox key: the list shows it as soon as that is over. */
function useRefreshOfKeys(sandbox: Sandbox | null, pending: boolean) {
  const client = useQueryClient();
  const keyId = sandbox?.key_id ?? null;
  const known = sandbox !== null;
  const before = useRef({ keyId, pending });
  useEffect(() => {
    if (!known) return;
    const ended = before.current.pending && !pending;
    if (ended || before.current.keyId !== keyId)
      void client.invalidateQueries({ queryKey: keysQuery.queryKey });
    before.current = { keyId, pending };
  }, [client, known, keyId, pending]);
}

function complain(failure: Failure, retry: () => void) {
  if (failure.endsSession) return;
  const again = failure.mayPass && { retry };
  toast({ kind: "problem", about: "sandbox", text: failure.detail, ...again });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
