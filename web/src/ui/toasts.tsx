import { Toast } from "radix-ui";
import { useSyncExternalStore } from "react";
import { AlertIcon, CheckIcon, CloseIcon } from "./icons.tsx";
import { dismiss, toastStore } from "./toast-store.ts";
import "./button.css";
import "./icon-button.css";
import "./toasts.css";

/** Tells the styles how high they are: what lies at the bottom makes room. */
function tellHeight(list: HTMLElement | null) {
  if (!list) return;
  const { style } = document.documentElement;
  const observer = new ResizeObserver(() =>
    style.setProperty("--toasts", `${list.offsetHeight}px`),
  );
  observer.observe(list);
  return () => observer.disconnect();
}

export function Toasts() {
  const shown = useSyncExternalStore(toastStore.subscribe, toastStore.get);
  return (
    <Toast.Provider label="Notification" swipeDirection="left" duration={6000}>
      {shown.map(({ id, kind, text, retry }) => (
        <Toast.Root
          key={id}
          className={`toast ${kind}`}
          type={kind === "problem" ? "foreground" : "background"}
          duration={kind === "problem" ? 12_000 : 5000}
          onOpenChange={(open) => open || dismiss(id)}
        >
          {kind === "problem" ? <AlertIcon /> : <CheckIcon />}
          <Toast.Description className="toast-text">{text}</Toast.Description>
          {retry && (
            <Toast.Action className="button plain" altText="Retry" onClick={retry}>
              Retry
            </Toast.Action>
          )}
          <Toast.Close className="icon-button plain" aria-label="Dismiss">
            <CloseIcon />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport ref={tellHeight} className="toasts" label="Notifications ({hotkey})" />
    </Toast.Provider>
  );
}
