import { useRef, useState } from "react";
import { useSettings } from "../settings.ts";
import { Away } from "../ui/away.tsx";
import { Button } from "../ui/button.tsx";
import { CopyIcon } from "../ui/icons.tsx";
import { BY_HAND } from "./key-value.tsx";

/**
 * A call of the product, ready for a shell. The key is a variable in it: whoever copies the command
 * somewhere does not copy the key along.
 */
export function TryIt() {
  const text = useRef<HTMLPreElement>(null);
  const [words, setWords] = useState("");
  const { docsUrl, productApiUrl } = useSettings();
  if (!productApiUrl) return null;
  const command =
    `curl -X POST '${productApiUrl}' -H "x-api-key: $API_KEY" ` +
    `-H "content-type: application/json" -d '{}'`;

  async function copy() {
    try {
      await navigator.clipboard.writeText(command);
      setWords("The command is copied.");
    } catch {
      setWords(BY_HAND);
      if (text.current) getSelection()?.selectAllChildren(text.current);
    }
  }

  return (
    <div className="key-value">
      <p>Try it, with the key in the variable API_KEY of your shell:</p>
      <pre ref={text} className="key-value-box key-value-text" translate="no">
        {command}
      </pre>
      <Button wide icon={<CopyIcon />} onClick={() => void copy()}>
        Copy command
      </Button>
      <p className="key-copied" role="status">
        {words}
      </p>
      {docsUrl && (
        <p>
          <span>What else it can be called with: </span>
          <Away href={docsUrl}>Documentation</Away>
        </p>
      )}
    </div>
  );
}
