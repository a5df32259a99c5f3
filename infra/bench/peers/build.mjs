// Bundles the peers, as a deployment would.

import { build } from "esbuild";

await build({
  entryPoints: ["dynamodb.mjs", "better-auth.mjs"],
  outdir: "dist",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  minify: true,
  platform: "node",
  format: "esm",
  target: "node20",
  // It brings a library of its own.
  external: ["better-sqlite3"],
  // What is bundled may still ask for modules in the older way.
  banner: {
    js: `import { createRequire } from "node:module";
const require = createRequire(import.meta.url);`,
  },
});
