// Measures the built console as it travels: gzipped. Fails when the JavaScript or the typeface is
// over its budget.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET_KIB = 130;
/** Of the typeface: its files are compressed by themselves. */
const FONT_BUDGET_KIB = 40;
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
/** @param {string} ending @param {"raw" | "gzip"} size */
const sum = (ending, size) =>
  kib(files.filter(({ name }) => name.endsWith(ending)).reduce((all, file) => all + file[size], 0));
const script = sum(".js", "gzip");
const font = sum(".woff2", "raw");
console.log(`JavaScript in all: ${script.toFixed(1)} of ${BUDGET_KIB} KiB gzipped`);
console.log(`Typeface in all: ${font.toFixed(1)} of ${FONT_BUDGET_KIB} KiB`);
if (script > BUDGET_KIB || font > FONT_BUDGET_KIB) process.exitCode = 1;
