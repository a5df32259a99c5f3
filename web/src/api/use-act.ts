import { type UseMutationOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useId } from "react";

/**
 * What a person has done by a click or an Enter: a mutation that is not started again while it is
 * under way. `isPending` alone is too late for that: it is rendered after the second click.
 */
export function useAct<Data, Input = void>(options: UseMutationOptions<Data, Error, Input>) {
  const client = useQueryClient();
  const mutationKey = [...(options.mutationKey ?? []), useId()];
  const act = useMutation({ ...options, mutationKey });
  const isUnderWay = () => client.isMutating({ mutationKey }) > 0;
  const mutate: typeof act.mutate = (...start) => {
    if (!isUnderWay()) act.mutate(...start);
  };
  return { ...act, mutate, isUnderWay };
}
