// Measures the console as a browser meets it for the first time: a desk of its own, Chromium with
// an empty cache, a CPU four times slower than this one. Prints what it finds, and fails when the
// JavaScript is over its budget or when something moved.
//
// Requests and bytes are those of the desk, which compresses nothing; CloudFront does. The sizes
// that travel are in the first table.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { askForCode, atConsole, launch, startDesk, typeCode } from "../tests/support.mjs";

/** @import { BrowserContext } from "playwright-core" */

const CPU_SLOWDOWN = 4;
/** Of the page's area, as the layout shift score counts it: a move that nobody sees. */
const MAX_LAYOUT_SHIFT = 0.001;
const VIEWPORTS = [
  { width: 375, height: 812 },
  { width: 1280, height: 900 },
];

execFileSync(process.execPath, [join(import.meta.dirname, "size.mjs")], { stdio: "inherit" });

const desk = await startDesk();
const browser = await launch();
let moved = false;
try {
  for (const viewport of VIEWPORTS) await measure(viewport);
} finally {
  await browser.close();
  await desk.stop();
}
if (moved) process.exitCode = 1;

/** @param {{ width: number, height: number }} viewport */
async function measure(viewport) {
  const email = `measure-${viewport.width}@example.com`;
  await desk.register({ name: "Measured", admin_email: email });
  const context = await browser.newContext({ viewport, baseURL: desk.url });
  await context.addInitScript(observe);

  const login = await open(context);
  await login.page.getByLabel("E-mail").waitFor();
  report(`Login, ${viewport.width} px`, await login.figures("input[name=email]"));
  await askForCode(login.page, email);
  await typeCode(login.page, await desk.codeFor(email));
  await atConsole(login.page);
  await login.page.getByText("Sandbox ready").waitFor();
  await login.page.close();

  // The cookie stays, the cache goes: the first visit of somebody who is logged in.
  const page = await open(context);
  await atConsole(page.page);
  await page.page.getByText("Sandbox ready").waitFor();
  await page.page.getByRole("rowheader", { name: email }).waitFor();
  report(`Page, ${viewport.width} px`, await page.figures("#new-api-key:enabled"));
  await context.close();
}

/** A page that has just begun to load, with an empty cache. @param {BrowserContext} context */
async function open(context) {
  const page = await context.newPage();
  const debug = await context.newCDPSession(page);
  await debug.send("Network.enable");
  await debug.send("Network.clearBrowserCache");
  await debug.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOWDOWN });
  let requests = 0;
  let bytes = 0;
  debug.on("Network.requestWillBeSent", () => (requests += 1));
  debug.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await page.goto("/");
  return {
    page,
    /** Once what the selector finds is there. @param {string} ready */
    async figures(ready) {
      // Until the browser has nothing left to do, so that what comes late is seen, too.
      await page.evaluate(() => new Promise((idle) => requestIdleCallback(idle)));
      return {
        requests,
        bytes,
        ...(await page.evaluate((selector) => globalThis.measured(selector), ready)),
      };
    },
  };
}

/** Runs in the page, before anything of it. */
function observe() {
  let shift = 0;
  let painted = Number.NaN;
  /** @type {[number, number][]} */
  const tasks = [];
  /** @type {Map<string, number>} */
  const seen = new Map();
  /** @param {string} type @param {(entry: any) => void} take */
  const note = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({
      type,
      buffered: true,
    });
  note("layout-shift", (entry) => {
    if (!entry.hadRecentInput) shift += entry.value;
  });
  note("paint", (entry) => {
    if (entry.name === "first-contentful-paint") painted = entry.startTime;
  });
  note("longtask", (entry) => tasks.push([entry.startTime, entry.duration]));
  /** @param {string} selector */
  const first = (selector) => {
    if (!seen.has(selector) && document.querySelector(selector))
      seen.set(selector, performance.now());
  };
  const selectors = ["input[name=email]", "#new-api-key:enabled"];
  new MutationObserver(() => selectors.forEach(first)).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
  });
  globalThis.measured = (selector) => {
    const there = seen.get(selector) ?? Number.NaN;
    // What can be used once it is there, and once the task that is running by then lets go.
    const busy = tasks.find(([start, duration]) => start <= there && there < start + duration);
    return {
      shift,
      painted,
      interactive: busy ? busy[0] + busy[1] : there,
      blocked: tasks.reduce((sum, [, duration]) => sum + duration - 50, 0),
    };
  };
}

/**
 * @param {string} name
 * @param {Awaited<ReturnType<Awaited<ReturnType<typeof open>>["figures"]>>} figures
 */
function report(name, { requests, bytes, shift, painted, interactive, blocked }) {
  /** @param {number} value */
  const ms = (value) => `${Math.round(value)} ms`;
  console.log(`\n${name}, CPU ${CPU_SLOWDOWN} times slower`);
  console.log(`  requests                  ${requests}`);
  console.log(
    `  transferred               ${(bytes / 1024).toFixed(1)} KiB, not compressed by the desk`,
  );
  console.log(`  first contentful paint    ${ms(painted)}`);
  console.log(`  can be used               ${ms(interactive)}`);
  console.log(`  main thread blocked       ${ms(blocked)}`);
  console.log(`  layout shift              ${shift.toFixed(4)}`);
  if (shift > MAX_LAYOUT_SHIFT) {
    console.log(`  Something moved: at most ${MAX_LAYOUT_SHIFT} is allowed.`);
    moved = true;
  }
}
