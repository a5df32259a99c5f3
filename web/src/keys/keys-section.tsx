import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ApiKey, Keys } from "../api/calls.ts";
import { failureOf } from "../api/failure.ts";
import type { LoggedIn } from "../session/session.ts";
import { Count } from "../ui/count.tsx";
import { counted } from "../ui/counted.ts";
import { LimitedButton } from "../ui/limited-button.tsx";
import { LoadProblem } from "../ui/load-problem.tsx";
import { Section } from "../ui/section.tsx";
import { SkeletonRows } from "../ui/skeleton.tsx";
import { CreateKeyDialog } from "./create-key-dialog.tsx";
import { DIALOGS, type KeyAct } from "./key-menu.tsx";
import { KeyRow } from "./key-row.tsx";
import { keysQuery } from "./keys-query.ts";
import "../ui/table.css";
import "./keys.css";

const COLUMNS = ["", "", "wide-only", "wide-only"];

export function KeysSection({ session }: { session: LoggedIn }) {
  const { data, error, refetch, isFetching } = useQuery(keysQuery);
  const [creating, setCreating] = useState(false);
  const [acting, setActing] = useState<{ act: KeyAct; key: ApiKey } | null>(null);
  const admin = session.member.role === "admin";
  const { key_count, key_limit } = session.account;
  const Acting = DIALOGS[acting?.act ?? "delete"];

  return (
    <Section
      id="api-keys"
      title="API keys"
      aside={
        <Count used={data?.count ?? key_count} of={data?.limit ?? key_limit} what="keys used" />
      }
      action={
        admin && (
          <LimitedButton
            id="new-api-key"
            tone="primary"
            unknown={!data}
            refused={data ? whyNoMore(data) : null}
            onClick={() => setCreating(true)}
          >
            New API Key
          </LimitedButton>
        )
      }
    >
      {error && !data ? (
        <LoadProblem failure={failureOf(error)} onRetry={() => void refetch()} busy={isFetching} />
      ) : (
        <table className="table keys" aria-label="API keys" aria-busy={!data}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Created on</th>
              <th scope="col" className="wide-only">
                Last used
              </th>
              <th scope="col" className="wide-only">
                Expires
              </th>
              {admin && (
                <th scope="col" className="cell-actions">
                  Actions
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {!data && (
              <SkeletonRows
                rows={key_count}
                columns={admin ? [...COLUMNS, "cell-actions"] : COLUMNS}
              />
            )}
            {data?.keys.map((key) => (
              <KeyRow
                key={key.id}
                apiKey={key}
                asOf={data.asOf}
                onAct={admin ? (act, key) => setActing({ act, key }) : null}
              />
            ))}
          </tbody>
        </table>
      )}
      {data?.keys.length === 0 && <p className="table-empty">No API keys yet.</p>}
      <p className="section-note">
        {admin
          ? ((data && whyNoMore(data)) ?? "A key’s value is shown once, when it is created.")
          : "You can see the keys; an admin manages them."}
      </p>
      {creating && data && (
        <CreateKeyDialog
          memberId={session.member.id}
          keys={data}
          onClose={() => setCreating(false)}
        />
      )}
      {acting && data && (
        <Acting
          apiKey={data.keys.find((key) => key.id === acting.key.id) ?? acting.key}
          keys={data}
          memberId={session.member.id}
          onClose={() => setActing(null)}
        />
      )}
    </Section>
  );
}

function whyNoMore({ available, count, limit }: Keys): string | null {
  if (available > 0) return null;
  const held = count < limit ? ": one place is held for the Sandbox key" : "";
  return `The limit of ${counted(limit, "key")} is reached${held}. Delete a key to create another.`;
}
