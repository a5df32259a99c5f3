import { failureOf } from "./api/failure.ts";
import { Console } from "./console/console.tsx";
import { KeyViewerProvider } from "./keys/key-viewer.tsx";
import { Login } from "./login/login.tsx";
import { usePresence } from "./session/session.ts";
import { OfflineBanner } from "./ui/offline-banner.tsx";
import { Splash } from "./ui/splash.tsx";
import { Toasts } from "./ui/toasts.tsx";

export function App() {
  return (
    <>
      {/* Around the screens, not in them: a new key stays in sight even when its session ends. */}
      <KeyViewerProvider>
        <Screen />
      </KeyViewerProvider>
      <OfflineBanner />
      <Toasts />
    </>
  );
}

function Screen() {
  const presence = usePresence();
  if (presence.data === undefined) {
    return (
      <Splash
        failure={presence.error && failureOf(presence.error)}
        onRetry={() => void presence.refetch()}
      />
    );
  }
  if (!presence.data.in) return <Login presence={presence.data} />;
  return <Console key={presence.data.member.id} session={presence.data} />;
}
