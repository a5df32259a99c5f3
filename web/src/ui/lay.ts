/** Between what lies over the page and what it is about. */
const GAP = 6;
/** Kept free at the edges of the window. */
const EDGE = 8;

interface Where {
  /** Where there is room; on the other side where there is none. */
  side: "above" | "below";
  align: "middle" | "end";
  /** Goes along with the page when that is scrolled. */
  scrolls?: boolean;
}

/** Lays something beside what it is about, always within the window. */
export function lay(what: HTMLElement, about: Element, { side, align, scrolls }: Where): void {
  const to = about.getBoundingClientRect();
  const { width, height } = what.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  const left = align === "end" ? to.right - width : to.left + (to.width - width) / 2;
  const above = to.top - height - GAP;
  const below = to.bottom + GAP;
  const isAbove = side === "above" ? above >= EDGE : below + height > clientHeight - EDGE;
  const x = Math.max(EDGE, Math.min(left, clientWidth - width - EDGE));
  const y = isAbove ? Math.max(EDGE, above) : below;
  what.style.left = `${scrolls ? x + scrollX : x}px`;
  what.style.top = `${scrolls ? y + scrollY : y}px`;
}
