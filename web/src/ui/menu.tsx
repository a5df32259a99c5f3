import {
  type KeyboardEvent,
  type MouseEvent,
  type RefObject,
  useEffect,
  useId,
  useRef,
  useState,
} from "react";
import { IconButton } from "./icon-button.tsx";
import { MoreIcon } from "./icons.tsx";
import { lay } from "./lay.ts";
import { useHistoryEntry } from "./use-history-entry.ts";
import "./menu.css";

export interface MenuItem {
  label: string;
  tone?: "danger";
  onChoose: () => void;
}

interface Props {
  /** Of its button. */
  id: string;
  label: string;
  items: readonly MenuItem[];
}

/**
 * A button with a menu. The layer is the browser's (`popover`), which closes it by Escape or a
 * click beside it and then hands the focus back; keys that move in it are the page's.
 */
export function Menu({ id, label, items }: Props) {
  const menuId = useId();
  const menu = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  function show(button: HTMLElement, first: number) {
    const element = menu.current;
    if (!element) return;
    // Some browsers do not by a click. What has it gets it back.
    button.focus();
    element.togglePopover(true);
    layMenu(element, button);
    itemsOf(element).at(first)?.focus();
    setOpen(true);
  }

  function close() {
    menu.current?.togglePopover(false);
    setOpen(false);
  }

  function click(event: MouseEvent<HTMLButtonElement>) {
    // Not by the browser, which would show it before it is laid.
    event.preventDefault();
    // The second half of a double click.
    if (event.detail > 1) return;
    if (menu.current?.matches(":popover-open")) close();
    else show(event.currentTarget, 0);
  }

  function pressed(event: KeyboardEvent<HTMLButtonElement>) {
    const first = { ArrowDown: 0, ArrowUp: -1 }[event.key];
    if (first === undefined) return;
    event.preventDefault();
    show(event.currentTarget, first);
  }

  return (
    <>
      <IconButton
        id={id}
        label={label}
        icon={<MoreIcon />}
        aria-haspopup="menu"
        aria-expanded={open}
        popoverTarget={menuId}
        onClick={click}
        onKeyDown={pressed}
      />
      <div
        className="menu"
        id={menuId}
        ref={menu}
        role="menu"
        aria-label={label}
        tabIndex={-1}
        popover="auto"
        onToggle={({ newState }) => setOpen(newState === "open")}
        onKeyDown={(event) => move(event, close)}
      >
        {items.map((item) => (
          <button
            key={item.label}
            type="button"
            role="menuitem"
            className={item.tone}
            tabIndex={-1}
            onClick={() => {
              close();
              item.onChoose();
            }}
          >
            {item.label}
          </button>
        ))}
      </div>
      {open && <WhileOpen id={id} menu={menu} onBack={close} />}
    </>
  );
}

interface OpenProps {
  /** Of its button. */
  id: string;
  menu: RefObject<HTMLElement | null>;
  onBack: () => void;
}

/** The back button closes it; in a window of another size it lies elsewhere. */
function WhileOpen({ id, menu, onBack }: OpenProps) {
  useHistoryEntry(onBack);
  useEffect(() => {
    const layAnew = () => {
      const button = document.getElementById(id);
      if (menu.current && button) layMenu(menu.current, button);
    };
    window.addEventListener("resize", layAnew);
    return () => window.removeEventListener("resize", layAnew);
  }, [id, menu]);
  return null;
}

const layMenu = (menu: HTMLElement, button: Element) =>
  lay(menu, button, { side: "below", align: "end", scrolls: true });

const itemsOf = (menu: Element) => [...menu.querySelectorAll("button")];

/** By arrows, Home and End, and by what an item begins with. Tab leads on, out of the menu. */
function move(event: KeyboardEvent<HTMLDivElement>, close: () => void) {
  const { key, currentTarget } = event;
  if (key === "Tab") return close();
  const all = itemsOf(currentTarget);
  const at = all.indexOf(document.activeElement as HTMLButtonElement);
  const next = {
    ArrowDown: all[(at + 1) % all.length],
    ArrowUp: all.at(at - 1),
    Home: all[0],
    End: all.at(-1),
  }[key];
  // Keys that write nothing have names, such as Delete.
  const begins = ({ textContent }: Element) =>
    key.length === 1 && textContent.toLowerCase().startsWith(key.toLowerCase());
  if (next) event.preventDefault();
  (next ?? [...all.slice(at + 1), ...all].find(begins))?.focus();
}
