import {
  type ReactNode,
  type RefObject,
  startTransition,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { lay } from "./lay.ts";
import "./hint.css";

interface Props {
  /** Null while there is nothing to say. */
  text: string | null;
  /** The button that it is about. */
  children: ReactNode;
}

/** A tooltip. What it says is said to screen readers elsewhere: it is never the only place. */
export function Hint({ text, children }: Props) {
  const place = useRef<HTMLSpanElement>(null);
  const [wanted, setWanted] = useState(false);
  const close = () => setWanted(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: looks on, and takes nothing
    <span
      className="hint"
      ref={place}
      onPointerEnter={({ pointerType }) => setWanted(pointerType !== "touch")}
      onPointerLeave={close}
      onPointerDown={close}
      // The focus that a dialog hands back asks nothing of the button, unless keys did it.
      onFocus={({ target }) => setWanted(target.matches(":focus-visible"))}
      // Not in the moment in which nothing has the focus: a dialog takes it to itself when
      // something in it goes just then.
      onBlur={() => startTransition(close)}
    >
      {children}
      {wanted && text !== null && <Bubble about={place} text={text} onClose={close} />}
    </span>
  );
}

interface BubbleProps {
  about: RefObject<HTMLElement | null>;
  text: string;
  onClose: () => void;
}

/** A child of what it is about, so that the pointer may rest on it, too; laid above everything. */
function Bubble({ about, text, onClose }: BubbleProps) {
  const bubble = useRef<HTMLSpanElement>(null);
  const latest = useRef(onClose);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other words have another size
  useLayoutEffect(() => {
    if (!about.current || !bubble.current) return;
    bubble.current.togglePopover(true);
    lay(bubble.current, about.current, { side: "above", align: "middle" });
  }, [about, text]);
  useLayoutEffect(() => {
    const close = () => latest.current();
    function pressed(event: KeyboardEvent) {
      if (event.key !== "Escape") return;
      // The dialog around it stays: one Escape for each. On its way out it takes none.
      if (about.current?.matches(":hover, :focus-within")) event.stopPropagation();
      close();
    }
    // On the window, so before the dialogs', which listen on the document.
    window.addEventListener("keydown", pressed, true);
    window.addEventListener("scroll", close, true);
    return () => {
      window.removeEventListener("keydown", pressed, true);
      window.removeEventListener("scroll", close, true);
    };
  }, [about]);
  return (
    <span className="tooltip" ref={bubble} popover="manual" aria-hidden="true">
      {text}
    </span>
  );
}
