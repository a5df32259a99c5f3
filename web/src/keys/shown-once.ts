/**
 * A secret that is on the screen once.
 *
 * React keeps what it rendered, and what it rendered before that, for as long as it likes. So the
 * secret never becomes a prop or a state: components pass this holder around, write the text into
 * the page by themselves, and forget it here.
 */
export class ShownOnce {
  #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  read(): string {
    return this.#text;
  }

  forget(): void {
    this.#text = "";
  }

  /** As many dots as characters, so that nothing moves when it is revealed. */
  mask(): string {
    return "•".repeat(this.#text.length);
  }
}

/** A key that was just made, or has just got another value. */
export interface ShownKey {
  name: string;
  plain: ShownOnce;
  /** Of a rotation: until when the old value works, if it does; and when that was told. */
  rotated?: { oldValidUntil: string | null; asOf: number };
  /** What gets the focus afterwards. */
  openerId: string;
}
