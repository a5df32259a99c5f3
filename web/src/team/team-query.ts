import { queryOptions } from "@tanstack/react-query";
import { listMembers } from "../api/calls.ts";

/** For admins alone: members may not see who else has access. */
export const teamQuery = queryOptions({ queryKey: ["team"], queryFn: listMembers });
