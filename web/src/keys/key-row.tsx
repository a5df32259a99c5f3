import type { ApiKey } from "../api/calls.ts";
import { Badge } from "../ui/badge.tsx";
import { Cut } from "../ui/cut.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { TrashIcon } from "../ui/icons.tsx";
import { Day } from "../ui/when.tsx";
import { CopySandboxKey } from "./copy-sandbox-key.tsx";

interface Props {
  apiKey: ApiKey;
  /** null for members: they only look. */
  onDelete: ((key: ApiKey) => void) | null;
}

export function KeyRow({ apiKey, onDelete }: Props) {
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
          {apiKey.sandbox && <CopySandboxKey />}
        </span>
        <code className="cell-under">{`${apiKey.start}…`}</code>
      </th>
      <td>
        <Day at={apiKey.created_at} />
      </td>
      {onDelete && (
        <td className="cell-actions">
          <IconButton
            label={`Delete ${apiKey.name}`}
            icon={<TrashIcon />}
            tone="danger"
            onClick={() => onDelete(apiKey)}
          />
        </td>
      )}
    </tr>
  );
}
