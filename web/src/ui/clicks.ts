/**
 * The second half of a double click belongs to what the first one was meant for. What has come to
 * lie under the pointer since, a dialog or menu that opened or the page below one that closed, is
 * not told of it.
 */

let pressed: Element | null = null;

window.addEventListener(
  "mousedown",
  ({ target, detail }) => {
    if (detail < 2) pressed = target instanceof Element ? target : null;
  },
  true,
);

window.addEventListener(
  "click",
  (event) => {
    if (event.detail < 2 || layerOf(event.target) === layerOf(pressed)) return;
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);

function layerOf(target: EventTarget | null): Element | null {
  return target instanceof Element ? target.closest(".overlay, .menu") : null;
}

type Click = Pick<MouseEvent, "clientX" | "clientY" | "detail">;

/** Whether a click is one of its own on this very element: pressed there, and let go there. */
export function isWhollyOn(element: Element, { clientX, clientY, detail }: Click): boolean {
  const released = document.elementFromPoint(clientX, clientY);
  return pressed === element && released === element && detail < 2;
}
