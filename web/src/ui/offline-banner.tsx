import { useSyncExternalStore } from "react";
import "./offline-banner.css";

function subscribe(changed: () => void) {
  window.addEventListener("online", changed);
  window.addEventListener("offline", changed);
  return () => {
    window.removeEventListener("online", changed);
    window.removeEventListener("offline", changed);
  };
}

export function useOnline(): boolean {
  return useSyncExternalStore(subscribe, () => navigator.onLine);
}

/** Lies over the page, so that nothing moves when it comes and goes. */
export function OfflineBanner() {
  const online = useOnline();
  return (
    <div className="offline-live" role="status">
      {!online && (
        <p className="offline">
          You are offline. What you typed stays here; nothing is sent until you are back.
        </p>
      )}
    </div>
  );
}
