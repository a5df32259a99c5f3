import { failureOf } from "./api/failure.ts";
import { Console } from "./console/console.tsx";
import { KeyViewerProvider } from "./keys/key-viewer.tsx";
import { Login } from "./login/login.tsx";
import { usePresence } from "./session/session.ts";
import { FaultBoundary } from "./ui/fault-boundary.tsx";
import { OfflineBanner } from "./ui/offline-banner.tsx";
import { Failed, Nowhere, Splash } from "./ui/splash.tsx";
import { Toasts } from "./ui/toasts.tsx";

/** Where the one page is. What else it is asked for at, the server leaves to it. */
const PATHS = ["/", "/index.html"];

export function App() {
  if (!PATHS.includes(location.pathname)) return <Nowhere />;
  return (
    <>
      {/* Around the screens, not in them: a new key stays in sight even when its session ends. */}
      <KeyViewerProvider>
        <FaultBoundary fallback={<Failed />}>
          <Screen />
        </FaultBoundary>
      </KeyViewerProvider>
      <FaultBoundary fallback={null}>
        <OfflineBanner />
        <Toasts />
      </FaultBoundary>
    </>
  );
}

function Screen() {
  const presence = usePresence();
  if (presence.data === undefined) {
    if (!presence.error) return null;
    return <Splash failure={failureOf(presence.error)} onRetry={() => void presence.refetch()} />;
  }
  if (!presence.data.in) return <Login presence={presence.data} />;
  return <Console key={presence.data.member.id} session={presence.data} />;
}
