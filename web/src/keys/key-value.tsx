import { useLayoutEffect, useRef, useState } from "react";
import { Button } from "../ui/button.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { CheckIcon, CopyIcon, EyeIcon, EyeOffIcon } from "../ui/icons.tsx";
import type { ShownOnce } from "./shown-once.ts";
import "./key-value.css";

export const BY_HAND =
  "Your browser does not let this page copy. It is selected: copy it with Ctrl+C or ⌘C.";

const WORDS = {
  not_yet: "",
  yes: "Copied to the clipboard.",
  refused: BY_HAND,
};

/** The key's value, masked until the eye icon is clicked, with its copy button. */
export function KeyValue({ plain }: { plain: ShownOnce }) {
  const text = useRef<HTMLElement>(null);
  const [revealed, setRevealed] = useState(false);
  const [copied, setCopied] = useState<keyof typeof WORDS>("not_yet");

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
      <Button
        wide
        icon={copied === "yes" ? <CheckIcon /> : <CopyIcon />}
        onClick={() => void copy()}
      >
        Copy key
      </Button>
      <p className="key-copied" role="status">
        {WORDS[copied]}
      </p>
    </div>
  );
}
