// Which Chromium the console is tested in: the one that CHROMIUM names, else an installed one, else
// the one inside the npm package @sparticuz/chromium, which the lockfile pins. Run by itself, it
// says which, and has it ready.
//
// Of the package only the files are used. Its own code unpacks them under fixed names in the
// temporary folder, and runs whatever lies there: half of it, or another user's.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { brotliDecompressSync } from "node:zlib";

/** Where systems keep a Chromium. */
const INSTALLED = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const NONE =
  "The console is tested in Chromium, and npm brings one for Linux on x64 alone. " +
  "Install Chromium or Chrome, or set CHROMIUM to its path.";

const packages = resolve(import.meta.dirname, "../node_modules");
const packaged = join(packages, "@sparticuz/chromium");

/** The fonts of the system, if any, and those of the package: without one, no text has a size. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

/** @param {string} path */
const isFile = (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/**
 * How to start Chromium.
 *
 * @typedef {{ named?: string, installed?: string[], system?: string, cache?: string }} Where
 * @param {Where} [where]
 * @returns {{ executablePath: string, env?: Record<string, string | undefined> }}
 */
export function findChromium({
  named = process.env.CHROMIUM,
  installed = INSTALLED,
  system = `${process.platform}-${process.arch}`,
  cache = join(packages, ".cache"),
} = {}) {
  if (named) {
    if (!isFile(named)) throw new Error(`CHROMIUM names no file: ${named}`);
    return { executablePath: named };
  }
  const executablePath = installed.find(isFile);
  if (executablePath) return { executablePath };
  if (system !== "linux-x64") throw new Error(NONE);
  const { version } = JSON.parse(readFileSync(join(packaged, "package.json"), "utf8"));
  const folder = join(cache, `chromium-${version}`);
  if (!isUnpacked(folder)) unpack(folder);
  return {
    executablePath: join(folder, "chromium"),
    // What a bare system lacks: a few libraries, and fonts.
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, "lib"),
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
    },
  };
}

/** Written last: the names of all other files. */
const CONTENTS = "contents.json";

/** @param {string} folder */
function isUnpacked(folder) {
  const contents = join(folder, CONTENTS);
  if (!existsSync(contents)) return false;
  /** @type {string[]} */
  const files = JSON.parse(readFileSync(contents, "utf8"));
  return files.every((file) => existsSync(join(folder, file)));
}

/**
 * Unpacks aside, then moves one whole file after another to its place: who starts from there
 * meanwhile, or unpacks, too, has the same file before and after.
 *
 * @param {string} folder
 */
function unpack(folder) {
  mkdirSync(folder, { recursive: true });
  const aside = mkdtempSync(`${folder}-`);
  try {
    const inflated = (/** @type {string} */ file) =>
      brotliDecompressSync(readFileSync(join(packaged, "bin", file)));
    for (const archive of ["al2023.tar.br", "fonts.tar.br"])
      execFileSync("tar", ["-x", "--no-same-owner", "-C", aside], { input: inflated(archive) });
    writeFileSync(join(aside, "fonts.conf"), FONTS);
    writeFileSync(join(aside, "chromium"), inflated("chromium.br"), { mode: 0o755 });
    const files = readdirSync(aside, { recursive: true, encoding: "utf8" }).filter((file) =>
      isFile(join(aside, file)),
    );
    writeFileSync(join(aside, CONTENTS), JSON.stringify(files));
    for (const file of [...files, CONTENTS]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      renameSync(join(aside, file), join(folder, file));
    }
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  try {
    console.log(`The console is tested in ${findChromium().executablePath}`);
  } catch (error) {
    console.error(String(error));
    process.exitCode = 1;
  }
}
