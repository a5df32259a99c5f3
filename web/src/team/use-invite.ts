import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { inviteMember, type Role, type TeamMember } from "../api/calls.ts";
import { type Failure, failureOf } from "../api/failure.ts";
import { useAct } from "../api/use-act.ts";
import { teamQuery } from "./team-query.ts";

/** Answers that are about the address itself: the next one may have another. */
const ABOUT_THE_ADDRESS = ["invalid_email", "email_already_registered"];

/** What became of an address: neither, where it was not sent because of the one before. */
export interface Outcome {
  address: string;
  member?: TeamMember;
  failure?: Failure;
}

interface Options {
  role: Role;
  /** Told whose invitation is to be mailed now. */
  onSent: (id: string) => void;
  /** Told, after each answer, who is still to be invited. */
  onLeft: (addresses: readonly string[]) => void;
  /** Nobody is left. */
  onDone: (invited: readonly TeamMember[]) => void;
  onRefused: () => void;
}

/**
 * Invites one after the other, and goes on behind an address that is refused. What stands against
 * all of them, such as a full account, ends it.
 */
export function useInvite({ role, onSent, onLeft, onDone, onRefused }: Options) {
  const client = useQueryClient();
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([]);
  const refresh = () => client.invalidateQueries({ queryKey: teamQuery.queryKey });

  const invite = useAct({
    mutationFn: async (addresses: readonly string[]) => {
      const all: Outcome[] = addresses.map((address) => ({ address }));
      for (const outcome of all) {
        try {
          const { member } = await inviteMember({ email: outcome.address, role });
          outcome.member = member;
          onSent(member.id);
        } catch (error) {
          outcome.failure = failureOf(error);
          if (!isAboutIt(outcome.failure)) throw error;
        } finally {
          setOutcomes([...all]);
          onLeft(all.filter(({ member }) => !member).map(({ address }) => address));
        }
      }
      return all;
    },
    onMutate: () => setOutcomes([]),
    onSuccess: async (all) => {
      await refresh();
      const invited = all.flatMap(({ member }) => member ?? []);
      if (invited.length === all.length) onDone(invited);
      else onRefused();
    },
    // A lost answer may have been a yes; a full account may be news to this list.
    onError: () => void refresh(),
  });

  return {
    ...invite,
    /** Of those that were sent last, until something else is typed. */
    outcomes: invite.isPending ? [] : outcomes,
    forget() {
      setOutcomes([]);
      invite.reset();
    },
  };
}

export function isAboutIt({ code }: Failure): boolean {
  return ABOUT_THE_ADDRESS.includes(code);
}
