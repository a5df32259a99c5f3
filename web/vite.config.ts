import { defineConfig } from "vite";

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

export default defineConfig({
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
