/**
 * Short words at the edge of the screen. A store outside React, so that the query cache can speak,
 * too.
 */

export interface ToastWords {
  kind: "done" | "problem";
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

/** Says it once: the same words again take the place of the former. */
export function toast(words: ToastWords): void {
  lastId += 1;
  show([...shown.filter((other) => other.text !== words.text), { ...words, id: lastId }].slice(-3));
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
