// docs/seed-coverage.md names the tests that hold each sentence of the page, other documents name
// tests of the console beside the server's; docs/screens/README.md and the README show its screens.
// Here it is made sure that they exist.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { WIDTHS } from "./support.mjs";

const here = import.meta.dirname;
const document = readFileSync(join(here, "../../docs/seed-coverage.md"), "utf8");

/**
 * The names of a file's tests, as patterns: a name may have parts that a loop fills in.
 *
 * @param {string} source
 */
function names(source) {
  const calls = source.matchAll(/\btest\(\s*("(?:[^"\\]|\\.)*"|`[^`]*`)/g);
  return [...calls].map(([, literal = ""]) => {
    const text = literal.startsWith("`") ? literal.slice(1, -1) : JSON.parse(literal);
    const fixed = text
      .split(/\$\{[^}]*\}/)
      .map((/** @type {string} */ part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${fixed.join(".+")}$`);
  });
}

const files = readdirSync(here).filter((file) => file.endsWith(".test.mjs"));
const known = new Map(
  files.map((file) => [
    file.replace(".test.mjs", ""),
    names(readFileSync(join(here, file), "utf8")),
  ]),
);

const rows = document
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| The "))
  .map((line) => line.split("|").map((cell) => cell.trim()));

test("every sentence of the page has a test, and every test that is named exists", () => {
  assert.ok(rows.length > 50, `${rows.length} sentences`);
  for (const [, sentence, held, ...rest] of rows) {
    assert.deepEqual(rest, [""], `“${sentence}” is a row of two cells`);
    for (const entry of held?.split("<br>") ?? []) {
      const [, file, name] = /^\*\*(\w+)\*\*: (.+)$/.exec(entry) ?? [];
      if (file === undefined || name === undefined) {
        const [, module, fn] = /^`(\w+)::(\w+)`$/.exec(entry) ?? [];
        assert.ok(module && fn, `“${sentence}”: ${entry} names no test`);
        const source = readFileSync(join(here, `../../tests/it/${module}.rs`), "utf8");
        assert.ok(
          source.includes(`fn ${fn}(`),
          `“${sentence}”: tests/it/${module}.rs has no test ${fn}`,
        );
        continue;
      }
      assert.ok(
        known.get(file)?.some((pattern) => pattern.test(name)),
        `“${sentence}”: ${file}.test.mjs has no test “${name}”`,
      );
    }
  }
});

test("every test of the console that another document names exists", () => {
  for (const [document, least] of /** @type {const} */ ([
    ["guarantees.md", 1],
    ["threat-model.md", 20],
  ])) {
    const text = readFileSync(join(here, "../../docs", document), "utf8");
    // The gateways' tests are Rust's, and a run of their own.
    const named = [...text.matchAll(/\*\*(?!gateways)(\w+)\*\*: (.+?)(?=<br>| \|)/g)];
    assert.ok(named.length >= least, `${document} names ${named.length} tests`);
    for (const [, file = "", name = ""] of named)
      assert.ok(
        known.get(file)?.some((pattern) => pattern.test(name)),
        `${document}: ${file}.test.mjs has no test “${name}”`,
      );
  }
});

test("every screen is shown in every width and theme, and every picture shown exists", () => {
  const folder = join(here, "../../docs/screens");
  const kept = new Set(readdirSync(folder).filter((file) => file.endsWith(".webp")));
  const names = new Set([...kept].map((file) => file.replace(/-\d+-\w+\.webp$/, "")));
  const all = [...names].flatMap((name) =>
    WIDTHS.flatMap((width) => ["light", "dark"].map((theme) => `${name}-${width}-${theme}.webp`)),
  );
  assert.deepEqual([...kept].sort(), all.sort());
  const taken = [
    ...readFileSync(join(here, "accessibility.test.mjs"), "utf8").matchAll(
      /\blook\(page, "([\w-]+)"\)|\blook\(theirs, "([\w-]+)"\)/g,
    ),
  ];
  for (const [, mine, theirs] of taken)
    assert.ok(names.has(mine ?? theirs ?? ""), `${mine ?? theirs} is not kept in docs/screens`);
  const shown = readFileSync(join(folder, "README.md"), "utf8");
  assert.deepEqual(
    [...new Set([...shown.matchAll(/["(]([\w-]+\.webp)[")]/g)].map(([, file]) => file))].sort(),
    all,
  );
  for (const [, file] of readFileSync(join(here, "../../README.md"), "utf8").matchAll(
    /docs\/screens\/([\w-]+\.webp)/g,
  )) {
    assert.ok(kept.has(file ?? ""), `README.md shows ${file}`);
  }
});
