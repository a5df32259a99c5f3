import type { ApiKey } from "../api/calls.ts";
import { Badge } from "../ui/badge.tsx";
import { Cut } from "../ui/cut.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { TrashIcon } from "../ui/icons.tsx";
import { Day } from "../ui/when.tsx";
import { CopySandboxKey } from "./copy-sandbox-key.tsx";
import { ExpiryBadge, LifeUnderName, Used } from "./key-life.tsx";
import { type KeyAct, KeyMenu } from "./key-menu.tsx";

interface Props {
  apiKey: ApiKey;
  /** When the list was told. */
  asOf: number;
  /** null for members: they only look. */
  onAct: ((act: KeyAct, key: ApiKey) => void) | null;
}

export function KeyRow({ apiKey, asOf, onAct }: Props) {
  return (
    <tr data-sandbox={apiKey.sandbox || undefined}>
      <th scope="row">
        <span className="cell-title">
          {apiKey.sandbox ? (
            <span className="cell-name">
              <Badge tone="accent">{apiKey.name}</Badge>
            </span>
          ) : (
            <Cut text={apiKey.name} />
          )}
          <ExpiryBadge apiKey={apiKey} asOf={asOf} />
          {apiKey.sandbox && <CopySandboxKey />}
        </span>
        <code className="cell-under">{`${apiKey.start}…`}</code>
        <LifeUnderName apiKey={apiKey} asOf={asOf} />
      </th>
      <td>
        <Day at={apiKey.created_at} />
      </td>
      <td className="wide-only">
        {apiKey.last_used_at ? <Used at={apiKey.last_used_at} asOf={asOf} /> : <span>Never</span>}
      </td>
      <td className="wide-only">
        {apiKey.expires_at ? <Day at={apiKey.expires_at} /> : <span>Never</span>}
      </td>
      {onAct && (
        <td className="cell-actions">
          {!apiKey.sandbox && <KeyMenu apiKey={apiKey} onAct={(act) => onAct(act, apiKey)} />}
          <IconButton
            label={`Delete ${apiKey.name}`}
            icon={<TrashIcon />}
            tone="danger"
            onClick={() => onAct("delete", apiKey)}
          />
        </td>
      )}
    </tr>
  );
}
