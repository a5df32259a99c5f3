import { queryOptions, useQuery } from "@tanstack/react-query";
import { getUsage } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import { counted, number } from "../ui/counted.ts";
import { LoadProblem } from "../ui/load-problem.tsx";
import { Section } from "../ui/section.tsx";
import { MonthsCalls, ShareBadge } from "./months-calls.tsx";

const usageQuery = queryOptions({ queryKey: ["usage"], queryFn: getUsage });

/** What is used of the account's limits. No block, and no place kept, for an account without. */
export function UsageSection() {
  const { data, error, refetch, isFetching } = useQuery(usageQuery);
  if (error && !data)
    return (
      <Section id="usage" title="Usage">
        <LoadProblem failure={failureOf(error)} onRetry={() => void refetch()} busy={isFetching} />
      </Section>
    );
  if (!data || data.calls === null) return null;
  const { calls, per_month, resets_at, per_minute, burst } = data;
  const month = per_month && resets_at ? { calls, per_month, resets_at } : null;
  return (
    <Section id="usage" title="Usage" aside={month && <ShareBadge {...month} />}>
      {month && <MonthsCalls {...month} />}
      {per_minute && burst && (
        <p className="section-note">
          {`At most ${counted(per_minute, "call")} a minute, ${number(burst)} at once.`}
        </p>
      )}
    </Section>
  );
}
