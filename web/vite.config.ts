import { defineConfig, type Plugin } from "vite";

// While developing, everything but the pages themselves comes from a running desk.
const desk = process.env.DESK_URL ?? "http://localhost:9000";
const proxy = Object.fromEntries(
  ["/api", "/_local", "/heify", "/settings.json"].map((path) => [
    path,
    { target: desk, changeOrigin: false },
  ]),
);

// The desk and CloudFront send the same; `vite preview` does so too, so that a part that needs more
// is seen at once.
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/**
 * A component that nobody renders does nothing. Radix says so of most of its components, but not of
 * the alert dialog's: without this its overlay, which ui/confirm.tsx does not use, would come along
 * with a scroll lock and style elements.
 */
const pureAlertDialog: Plugin = {
  name: "pure-alert-dialog",
  transform(code, id) {
    if (!id.includes("/@radix-ui/react-alert-dialog/")) return null;
    return {
      code: code.replaceAll("= React.forwardRef(", "= /* @__PURE__ */ React.forwardRef("),
      map: null,
    };
  },
};

export default defineConfig({
  plugins: [pureAlertDialog],
  server: { proxy },
  preview: { proxy, headers: { "Content-Security-Policy": contentSecurityPolicy } },
  build: {
    target: "es2022",
    // The policy lets no inline script and no inline style through.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      // "use client" is for servers that render; there is none here.
      onwarn: (warning, warn) => warning.code === "MODULE_LEVEL_DIRECTIVE" || warn(warning),
    },
  },
});
