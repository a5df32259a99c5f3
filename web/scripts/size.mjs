// Measures the built console as it travels: gzipped. Fails when the JavaScript is over its budget.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET_KIB = 130;
const dist = join(import.meta.dirname, "..", "dist");

/** @param {number} bytes */
const kib = (bytes) => bytes / 1024;
/** As wide as the others in its column. @param {number} bytes */
const figure = (bytes) => kib(bytes).toFixed(1).padStart(7);
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ path, raw: readFileSync(path) }))
  .map(({ path, raw }) => ({
    name: path.slice(dist.length + 1),
    raw: raw.length,
    gzip: gzipSync(raw, { level: 9 }).length,
  }));

for (const { name, raw, gzip } of files) {
  console.log(`${name.padEnd(36)} ${figure(raw)} KiB ${figure(gzip)} KiB gzipped`);
}
const script = files
  .filter(({ name }) => name.endsWith(".js"))
  .reduce((sum, { gzip }) => sum + gzip, 0);
console.log(`JavaScript in all: ${kib(script).toFixed(1)} of ${BUDGET_KIB} KiB gzipped`);
if (kib(script) > BUDGET_KIB) process.exitCode = 1;
