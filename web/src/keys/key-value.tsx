import { useLayoutEffect, useRef, useState } from "react";
import { Button } from "../ui/button.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { CheckIcon, CopyIcon, EyeIcon, EyeOffIcon } from "../ui/icons.tsx";
import type { ShownOnce } from "./shown-once.ts";
import "./key-value.css";

const COPY_BY_HAND =
  "Your browser does not let this page copy. The key is selected: copy it with Ctrl+C or ⌘C.";

type Copied = "not_yet" | "yes" | "refused";

/** The key's value, masked until the eye icon is clicked, with its copy button. */
export function KeyValue({ plain }: { plain: ShownOnce }) {
  const text = useRef<HTMLElement>(null);
  const [revealed, setRevealed] = useState(false);
  const [copied, setCopied] = useState<Copied>("not_yet");

  // Written by hand: see ShownOnce.
  useLayoutEffect(() => {
    const element = text.current;
    if (!element) return;
    element.textContent = revealed ? plain.read() : plain.mask();
    return () => {
      element.textContent = "";
    };
  }, [plain, revealed]);

  async function copy() {
    try {
      await navigator.clipboard.writeText(plain.read());
      setCopied("yes");
    } catch {
      // Not allowed here: then it is laid ready for the person's own copy.
      setCopied("refused");
      setRevealed(true);
      requestAnimationFrame(() => text.current && getSelection()?.selectAllChildren(text.current));
    }
  }

  return (
    <div className="key-value">
      <div className="key-value-box">
        {/* aria-label would replace the value for screen readers: hidden while it is only dots. */}
        <code
          ref={text}
          className="key-value-text"
          aria-hidden={!revealed}
          translate="no"
          data-revealed={revealed}
        />
        {!revealed && <span className="visually-hidden">The key is hidden.</span>}
        <IconButton
          label={revealed ? "Hide key" : "Show key"}
          icon={revealed ? <EyeOffIcon /> : <EyeIcon />}
          onClick={() => setRevealed(!revealed)}
        />
      </div>
      <Button wide onClick={() => void copy()}>
        {copied === "yes" ? <CheckIcon /> : <CopyIcon />}
        Copy key
      </Button>
      <p className="key-copied" role="status">
        {copied === "yes" && "Copied to the clipboard."}
        {copied === "refused" && COPY_BY_HAND}
      </p>
    </div>
  );
}
