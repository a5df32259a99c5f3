// Which Chromium the tests run in, and that the one of the npm package is whole, whoever unpacks it
// at the same time.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { findChromium } from "./chromium.mjs";

const run = promisify(execFile);
const packaged =
  process.platform === "linux" && process.arch === "x64" ? false : "npm has none for this system";
/** Some file that is there. */
const here = import.meta.filename;

test("CHROMIUM goes first, then an installed one; a name without a file is an error", () => {
  const nowhere = join(import.meta.dirname, "nowhere");
  const installed = [nowhere, join(import.meta.dirname, "support.mjs"), here];
  assert.deepEqual(findChromium({ named: here, installed }), { executablePath: here });
  assert.deepEqual(findChromium({ named: "", installed }), { executablePath: installed[1] });
  for (const named of [nowhere, import.meta.dirname])
    assert.throws(() => findChromium({ named, installed }), /^Error: CHROMIUM names no file: /);
  assert.throws(
    () => findChromium({ named: "", installed: [nowhere], system: "darwin-arm64" }),
    /Install Chromium or Chrome, or set CHROMIUM to its path\.$/,
  );
});

test("npm's Chromium is whole and starts, also when two unpack it at once or a file is gone", {
  skip: packaged,
}, async (t) => {
  const cache = mkdtempSync(join(tmpdir(), "frontdesk-chromium-"));
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const where = { named: "", installed: [], cache };
  const find = `const { findChromium } = await import("${import.meta.resolve("./chromium.mjs")}");
    console.log(findChromium(${JSON.stringify(where)}).executablePath);`;
  const another = () => run(process.execPath, ["--input-type=module", "--eval", find]);
  const starts = async () => {
    const { executablePath, env } = findChromium(where);
    const { stdout } = await run(executablePath, ["--version"], { env });
    assert.match(stdout, /^Chromium \d/);
    return executablePath;
  };
  const [one, other] = await Promise.all([another(), another()]);
  const path = await starts();
  assert.deepEqual([one.stdout, other.stdout], [`${path}\n`, `${path}\n`]);
  rmSync(join(path, "../lib/libnss3.so"));
  assert.equal(await starts(), path);
  assert.ok(existsSync(join(path, "../lib/libnss3.so")));
  assert.deepEqual(readdirSync(cache).length, 1, "nothing is left aside");
});
