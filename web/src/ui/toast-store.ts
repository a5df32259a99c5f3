/**
 * Short words at the edge of the screen. A store outside React, so that the query cache can speak,
 * too.
 */

export interface ToastWords {
  kind: "done" | "problem";
  /** The thing that it is said of: it goes when that changes, or something newer is said of it. */
  about?: string;
  text: string;
  retry?: () => void;
}

export interface ShownToast extends ToastWords {
  id: number;
}

let shown: readonly ShownToast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function show(next: readonly ShownToast[]) {
  shown = next;
  for (const listener of listeners) listener();
}

/** Says it once: the same words again, or others about the same, take the place of the former. */
export function toast(words: ToastWords): void {
  lastId += 1;
  if (words.about) settle(words.about);
  show([...shown.filter((other) => other.text !== words.text), { ...words, id: lastId }].slice(-3));
}

/** The last that was said. */
export const lastSaid = (): number => lastId;

/** What was said of it, up to there, is over. */
export function settle(about: string, upTo = lastId): void {
  const isOver = (toast: ShownToast) => toast.about === about && toast.id <= upTo;
  if (shown.some(isOver)) show(shown.filter((toast) => !isOver(toast)));
}

export function dismiss(id: number): void {
  show(shown.filter((other) => other.id !== id));
}

export function dismissAll(): void {
  show([]);
}

export const toastStore = {
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
  get: () => shown,
};
