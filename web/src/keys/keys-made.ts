import { useQuery } from "@tanstack/react-query";
import type { ApiKey } from "../api/calls.ts";
import { counted } from "../ui/counted.ts";
import { keysQuery } from "./keys-query.ts";

/** The keys that work and that a member made, as admins are told. */
export function useKeysMade(memberId: string | undefined) {
  const { data } = useQuery(keysQuery);
  const made = data?.keys.filter((key) => isOf(key, memberId)) ?? [];
  return { keys: data, made };
}

function isOf({ created_by, state }: ApiKey, memberId: string | undefined): boolean {
  return memberId !== undefined && created_by?.id === memberId && state === "active";
}

/** Which keys somebody made, and that they do not go with them. */
export function wordsAboutMade(made: readonly ApiKey[]): string {
  const names = made.map(({ name }) => name).join(", ");
  const stay = made.length === 1 ? "It stays valid." : "They stay valid.";
  return `Made ${counted(made.length, "key")}: ${names}. ${stay}`;
}
