import { queryOptions } from "@tanstack/react-query";
import { listKeys } from "../api/calls.ts";

export const keysQuery = queryOptions({ queryKey: ["keys"], queryFn: listKeys });
