// What the tests of the console stand on: a desk of their own, Chromium, and pages that
// fail a test by themselves when something goes wrong that no assertion looks at.
//
// Nothing sleeps here. A test waits for words on the page; time moves by the desk's clock
// (`desk.advance`) and, where the page's own clock matters, by Playwright's `page.clock`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { findChromium } from "./chromium.mjs";

/** @import { TestContext } from "node:test" */
/** @import { Browser, BrowserContext, BrowserContextOptions } from "playwright-core" */
/** @import { Locator, Page, Request, Route } from "playwright-core" */

const web = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** The first account's admin, who is there on every desk. */
export const ADMIN = "admin@example.com";

/** The widths that screens are looked at. */
export const WIDTHS = [375, 768, 1280];

/** How long anything may take to show up. It bounds a failure; no test that passes waits for it. */
const PATIENCE_MS = 20_000;

// --- The desk

/**
 * @typedef {object} Mail
 * @property {"login_code" | "invitation" | "login_notice" | "key_expiring" | "usage_warning"} kind
 * @property {string} to
 * @property {string} subject
 * @property {string} text
 * @property {string} html
 * @property {string} [code]
 */

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Headers} headers
 * @property {any} body  JSON, or the text where it is none
 */

/**
 * @callback Call
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<Answer>}
 */

/**
 * What an account's calls are held to.
 *
 * @typedef {object} Limits
 * @property {number} [per_minute]
 * @property {number} [burst]
 * @property {number} [per_month]
 */

/**
 * Starts a desk with nothing in it but the first account.
 *
 * @param {{ set?: Record<string, string | number> }} [options] `set`: parameters of template.yaml
 */
export async function startDesk({ set = {} } = {}) {
  const binary = process.env.DESK_BINARY ?? resolve(web, "../target/debug/examples/desk");
  assert.ok(
    existsSync(binary),
    "There is no desk to test with. Build it: cargo build --package frontdesk-desk --example desk",
  );
  const settings = Object.entries(set).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
  const child = spawn(binary, ["--ephemeral", "--port", "0", "--no-console-build", ...settings], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const end = () => child.kill("SIGKILL");
  process.on("exit", end);

  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  const ended = new Promise((done) => child.once("close", done));
  const url = await new Promise((found, failed) => {
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      said += text;
      const address = /^Frontdesk is at (\S+)$/m.exec(said);
      if (address) found(address[1]);
    });
    child.once("error", failed);
    child.once("close", (code) =>
      failed(new Error(`The desk ended (${code}) before it said where it is:\n${log}`)),
    );
  });

  /** How many codes of an address were taken. @type {Map<string, number>} */
  const taken = new Map();

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {Record<string, string>} [headers]
   * @returns {Promise<Answer>}
   */
  async function call(method, path, body, headers = {}) {
    const json = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(url + path, {
      method,
      headers: { ...json, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) };
  }

  /** @param {string} path @param {unknown} body */
  async function control(path, body) {
    const answer = await call("POST", `/_local/${path}`, body);
    assert.ok(
      answer.status < 300,
      `/_local/${path}: ${answer.status} ${JSON.stringify(answer.body)}`,
    );
    return answer.body;
  }

  /** All mails, newest first. @returns {Promise<Mail[]>} */
  const mails = async () => (await call("GET", "/_local/mail")).body;

  /** Who looks at this desk. @type {Set<BrowserContext>} */
  const visitors = new Set();

  /** How many addresses were made up. */
  let addresses = 0;

  const desk = {
    url,

    visitors,

    /** Everything that the desk logged so far. */
    log: () => log,

    /**
     * Ends the desk; with it goes everything that was in it. Nobody is left looking at it, and
     * wondering.
     */
    async stop() {
      await Promise.all([...visitors].map((visitor) => visitor.close()));
      child.kill("SIGTERM");
      await ended;
      process.off("exit", end);
    },

    /** Moves the server's clock forward. @param {number} seconds */
    advance: (seconds) => control("clock", { advance_seconds: seconds }),

    /**
     * Makes the product API behave.
     *
     * @param {"up" | "rejecting" | "failing" | "slow" | "limiting" | "down"} mode
     */
    productApi: (mode) => control("product-api", { mode }),

    /**
     * Makes the mail service behave.
     * @param {"up" | "throttling" | "rejecting" | "denying" | "bouncing" | "complaining"} mode
     */
    mailService: (mode) => control("mail-service", { mode }),

    mails,

    /**
     * The code in the mail to an address that came after the one this gave before; waits for it.
     * Who asks for two codes takes two.
     *
     * @param {string} email
     */
    async codeFor(email) {
      const seen = taken.get(email) ?? 0;
      const codes = await until(`a code for ${email}`, async () => {
        const found = (await mails()).filter(
          (mail) => mail.kind === "login_code" && mail.to === email,
        );
        return found.length > seen && found;
      });
      taken.set(email, seen + 1);
      const code = codes[codes.length - 1 - seen]?.code;
      assert.ok(code, `a mail to ${email} with a code in it`);
      return code;
    },

    /** The newest invitation to an address; waits for it. @param {string} email */
    invitationFor: (email) =>
      until(`an invitation for ${email}`, async () =>
        (await mails()).find((mail) => mail.kind === "invitation" && mail.to === email),
      ),

    /**
     * Registers an account, and gives it.
     *
     * @param {{
     *   name: string,
     *   admin_email: string,
     *   key_limit?: number,
     *   member_limit?: number,
     *   limits?: Limits | null,
     * }} account
     */
    register: async (account) => (await control("accounts", account)).account,

    /** An address that nobody has. @param {string} name */
    newAddress(name) {
      addresses += 1;
      return `${name}-${addresses}@example.com`;
    },

    /**
     * Registers an account that no other test uses.
     *
     * @param {{ key_limit?: number, member_limit?: number, limits?: Limits | null }} [has]
     * @returns {Promise<string>} its admin's address
     */
    async newAdmin(has = {}) {
      const admin_email = desk.newAddress("admin");
      await desk.register({ name: `Account ${addresses}`, admin_email, ...has });
      return admin_email;
    },

    /**
     * Changes what an account's calls are held to.
     *
     * @param {string} account_id
     * @param {Limits | null} limits
     */
    limit: (account_id, limits) => control("accounts", { account_id, limits }),

    /** Suspends an account. @param {string} account_id */
    suspend: (account_id) => control("accounts", { account_id, suspended: true }),

    /**
     * Logs in as a program does, beside the browser.
     *
     * @param {string} email
     * @returns {Promise<string>} the session's token, for `api`
     */
    async session(email) {
      const { challenge } = succeeded(
        await call("POST", "/api/login/code", { email, accept_terms: true }),
      );
      const code = await desk.codeFor(email);
      return succeeded(
        await call("POST", "/api/login/verify", { challenge, code, session: "bearer" }),
      ).session_token;
    },

    /**
     * Calls the API in a session's name.
     *
     * @param {string} token
     * @returns {Call}
     */
    api:
      (token) =>
      (method, path, body, headers = {}) =>
        call(method, path, body, { authorization: `Bearer ${token}`, ...headers }),

    /** Calls the product API with a key, as a customer's program does. @param {string} key */
    callProduct: (key) => call("POST", "/heify/get-configurations", {}, { "x-api-key": key }),
  };
  return desk;
}

/** @typedef {Awaited<ReturnType<typeof startDesk>>} Desk */

/** @param {Answer} answer */
function succeeded({ status, body }) {
  assert.ok(status < 300, `${status} ${JSON.stringify(body)}`);
  return body;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Asks until there is an answer. For what is seen beside the page: on it, wait for its words.
 *
 * @template T
 * @param {string} what  for the failure
 * @param {() => Promise<T | false | undefined | null>} ask
 * @returns {Promise<T>}
 */
export async function until(what, ask) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(performance.now() < end, `waited in vain for ${what}`);
    await new Promise((next) => setTimeout(next, 25));
  }
}

/** A code that is not this one. @param {string} code */
export function wrongCode(code) {
  return String((Number(code) + 1) % 1_000_000).padStart(6, "0");
}

// --- The browser

/**
 * Starts Chromium, with an empty profile. Once for a test file: pages do not share anything.
 *
 * @param {string[]} more  what a person has set in it
 */
export function launch(...more) {
  const quiet = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ];
  return chromium.launch({
    ...findChromium(),
    headless: true,
    chromiumSandbox: false,
    args: ["--disable-gpu", "--disable-quic", ...quiet, ...more],
  });
}

/**
 * Gives the tests of a file, or of a suite, a desk and a browser, from before the first of them
 * until after the last.
 *
 * @param {(desk: Desk, browser: Browser) => void} take
 * @param {Record<string, string | number>} [set]  parameters of template.yaml
 */
export function deskAndBrowser(take, set = {}) {
  /** @type {Desk | undefined} */
  let desk;
  /** @type {Browser | undefined} */
  let browser;
  before(async () => {
    desk = await startDesk({ set });
    browser = await launch();
    take(desk, browser);
  });
  after(async () => {
    await browser?.close();
    await desk?.stop();
  });
}

/**
 * What went wrong in a page, what of that its test expects, and the calls that are open.
 *
 * @typedef {{ faults: string[], allowed: (string | RegExp)[], open: Set<Request> }} Watch
 * @type {WeakMap<BrowserContext, Watch>}
 */
const watches = new WeakMap();

/**
 * Opens a page as a person who was never here before: no cookie, no storage. Unless allowed, these
 * fail the test when it ends: an answer of 400 and more, a request that failed, one to another
 * origin, a violation of the content security policy, anything on the console that is an error, and
 * whatever the page throws.
 *
 * @param {Browser} browser
 * @param {Desk} desk
 * @param {{
 *   t: Pick<TestContext, "after">,
 *   viewport?: { width: number, height: number },
 *   colorScheme?: "light" | "dark",
 *   reducedMotion?: "reduce" | "no-preference",
 *   allow?: (string | RegExp)[],
 *   context?: BrowserContextOptions,
 * }} options  `allow`: see {@link allow}
 */
export async function newPage(browser, desk, options) {
  const {
    t,
    viewport = { width: 1280, height: 800 },
    colorScheme = "light",
    reducedMotion = "no-preference",
  } = options;
  const context = await browser.newContext({
    baseURL: desk.url,
    locale: "en-GB",
    timezoneId: "UTC",
    viewport,
    colorScheme,
    reducedMotion,
    // What a person's click gives a page. Chromium's headless shell asks for it, in vain.
    permissions: ["clipboard-write"],
    ...options.context,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  // Who is there is asked before anybody is.
  /** @type {Watch} */
  const watch = {
    faults: [],
    allowed: ["GET /api/session 401", ...(options.allow ?? [])],
    open: new Set(),
  };
  // The last route that goes turns interception off, and a request that is held at that moment is
  // let go by nobody: one that matches nothing keeps it on.
  await context.route(/^never:/, () => {});
  watches.set(context, watch);
  desk.visitors.add(context);
  context.on("close", () => desk.visitors.delete(context));
  await watchOver(context, desk, watch);
  t.after(async () => {
    await context.close();
    const faults = watch.faults.filter(
      (fault) => !watch.allowed.some((allowed) => matches(allowed, fault)),
    );
    assert.deepEqual(faults, [], "what the page did that no test expects");
  });
  return context.newPage();
}

/**
 * Another tab of the same browser: cookies are shared, and so is what the test allows.
 *
 * @param {Page} page
 */
export function newTab(page) {
  return page.context().newPage();
}

/**
 * What is in the clipboard, taken as a person would: pasted into another page. The console may not
 * read it.
 *
 * @param {Page} page
 */
export async function clipboard(page) {
  const pad = await newTab(page);
  await pad.setContent("<textarea></textarea>");
  await pad.getByRole("textbox").focus();
  await pad.keyboard.press("ControlOrMeta+V");
  const text = await pad.getByRole("textbox").inputValue();
  await pad.close();
  await page.bringToFront();
  return text;
}

/**
 * What may go wrong from now on, because the test makes it: `"POST /api/login/verify 401"` for an
 * answer, `"GET /api/keys failed"` for a request without one, a pattern for several.
 *
 * @param {Page} page
 * @param {(string | RegExp)[]} expected
 */
export function allow(page, ...expected) {
  watches.get(page.context())?.allowed.push(...expected);
}

/**
 * What a page is opened with, beside its test.
 *
 * @typedef {Omit<Parameters<typeof newPage>[2], "t">} PageOptions
 */

/**
 * Keeps calls from being sent, until what this gives is called: for what is only seen meanwhile.
 *
 * @param {Page} page
 * @param {string | RegExp} calls
 */
export async function hold(page, calls) {
  /** @type {(value?: unknown) => void} */
  let release = () => {};
  const released = new Promise((done) => (release = done));
  /** @type {Promise<void>[]} */
  const sent = [];
  const wait = (/** @type {Route} */ route) => {
    sent.push(released.then(() => route.continue()));
  };
  await page.route(calls, wait);
  return async () => {
    release();
    await Promise.all(sent);
    await page.unroute(calls, wait);
  };
}

/**
 * Loses the answers to calls: the server does what it is asked, and nobody hears of it. By their
 * method, too, because a page may at any time read what it writes to.
 *
 * @param {Page} page
 * @param {string} call  such as "POST /api/keys"; a `*` stands for what is not known
 * @param {number} [times]
 */
export function loseAnswers(page, call, times = 1) {
  const [method, path] = call.split(" ");
  let left = times;
  return page.route(`**${path}`, async (route) => {
    if (route.request().method() !== method || left === 0) return route.fallback();
    left -= 1;
    await route.fetch();
    await route.abort("connectionreset");
  });
}

/**
 * The requests of a method that a page sends from now on.
 *
 * @param {Page} page
 * @param {string} method
 */
export function requests(page, method) {
  /** @type {Request[]} */
  const sent = [];
  page.on("request", (request) => request.method() === method && sent.push(request));
  return sent;
}

/** @param {string | RegExp} allowed @param {string} fault */
function matches(allowed, fault) {
  return typeof allowed === "string" ? allowed === fault : allowed.test(fault);
}

/** @param {BrowserContext} context @param {Desk} desk @param {Watch} watch */
async function watchOver(context, desk, watch) {
  const { faults, open } = watch;
  context.on("requestfinished", (request) => void open.delete(request));
  context.on("request", (request) => {
    const { protocol, origin, pathname } = new URL(request.url());
    if (pathname.startsWith("/api/")) open.add(request);
    if (origin !== desk.url && protocol !== "data:")
      faults.push(`request to another origin: ${request.url()}`);
  });
  context.on("response", (response) => {
    if (response.status() < 400) return;
    faults.push(
      `${response.request().method()} ${new URL(response.url()).pathname} ${response.status()}`,
    );
  });
  context.on("requestfailed", (request) => {
    open.delete(request);
    // Taken back by the page itself, or by its end.
    if (request.failure()?.errorText === "net::ERR_ABORTED") return;
    faults.push(`${request.method()} ${new URL(request.url()).pathname} failed`);
  });
  context.on("console", (message) => {
    // What did not load is told above, with its address.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      faults.push(`console: ${message.text()}`);
  });
  context.on("weberror", (error) => {
    faults.push(`error: ${error.error().stack ?? error.error()}`);
  });
  await context.addInitScript(() => {
    document.addEventListener(
      "securitypolicyviolation",
      ({ violatedDirective, blockedURI, sample }) => {
        console.error(`content security policy: ${violatedDirective} ${blockedURI} ${sample}`);
      },
    );
  });
}

// --- What people do

/**
 * The first step of the login, up to the six boxes.
 *
 * @param {Page} page
 * @param {string} email
 */
export async function askForCode(page, email) {
  await page.getByLabel("E-mail").fill(email);
  const terms = page.getByRole("checkbox", { name: /terms/ });
  if (!(await terms.isChecked())) await terms.click();
  await page.getByRole("button", { name: "Send Code" }).click();
  await page.getByRole("heading", { name: "Enter your code" }).waitFor();
}

/** Types a code, as fingers do: the last digit sends it. @param {Page} page @param {string} code */
export async function typeCode(page, code) {
  await page.getByLabel("Digit 1 of 6").focus();
  await page.keyboard.type(code);
}

/**
 * Logs in by the console, up to its page.
 *
 * @param {Page} page
 * @param {Desk} desk
 * @param {string} email
 */
export async function logIn(page, desk, email) {
  if (!page.url().startsWith(desk.url)) await page.goto(desk.url);
  await askForCode(page, email);
  await typeCode(page, await desk.codeFor(email));
  await atConsole(page);
}

/**
 * Waits until what is over has taken its history entry back. That is a navigation, and one that
 * begins at the same moment, such as a reload, would be given up for it.
 *
 * @param {Page} page
 */
export const tookBack = (page) => page.waitForFunction(() => !history.state?.entry);

/** Waits for the page behind the login. @param {Page} page */
export async function atConsole(page) {
  await page.getByRole("heading", { level: 1, name: "API Keys & Sandbox" }).waitFor();
  await tookBack(page);
}

/** Waits for the login's first step. @param {Page} page */
export async function atLogin(page) {
  await page.getByRole("heading", { level: 1, name: "Log in" }).waitFor();
}

/** Has a page read again, as it does for somebody who comes back to it. @param {Page} page */
export const comeBack = (page) =>
  page.evaluate(() => window.dispatchEvent(new Event("visibilitychange")));

/**
 * The same, until all is read: whoever comes back again while that goes on, and it began a moment
 * ago, is taken to be told by it.
 *
 * @param {Page} page
 */
export async function readAnew(page) {
  const last = page.waitForRequest("**/api/usage");
  await comeBack(page);
  await (await (await last).response())?.finished();
  await pictured(page);
}

/**
 * Calls the product until so many of the month's calls are used, and has the page read that. Some
 * are used by then: the Sandbox is validated by calls like any other.
 *
 * @param {Page} page
 * @param {Desk} desk
 * @param {number} calls
 */
export async function use(page, desk, calls) {
  const used = async () => (await (await page.request.get("/api/usage")).json()).calls;
  const key = await page.request.post("/api/sandbox/key", { headers: { origin: desk.url } });
  const { api_key } = await key.json();
  for (let count = await used(); count < calls; count += 1)
    assert.equal((await desk.callProduct(api_key)).status, 200);
  assert.equal(await used(), calls);
  await readAnew(page);
}

/**
 * Waits for words anywhere in a place, to be seen.
 *
 * @param {Page | Locator} place
 * @param {string | RegExp} words
 */
export async function says(place, words) {
  await place.getByText(words).filter({ visible: true }).first().waitFor();
}

/**
 * Does something that is answered in words which stand there already, and waits until they are said
 * again: the old ones go as soon as the page is at work.
 *
 * @param {Locator} place
 * @param {string | RegExp} words
 * @param {() => Promise<unknown>} act
 */
export async function saysAgain(place, words, act) {
  const before = await place.getByText(words).filter({ visible: true }).first().elementHandle();
  await act();
  await before?.waitForElementState("hidden");
  await says(place, words);
}

/**
 * Waits until what is due before the next picture is done, such as handing on the focus.
 *
 * @param {Page} page
 */
export const pictured = (page) =>
  page.evaluate(
    () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))),
  );

/**
 * Waits until a page that somebody came to has all that it asks for, and changes no more by itself:
 * before a test changes what it would be told, or looks where things are.
 *
 * @param {Page} page
 */
export async function atRest(page) {
  await says(page, "Sandbox ready");
  // What follows from that is asked for by then.
  await pictured(page);
  await until("the answers", async () => watches.get(page.context())?.open.size === 0);
}

/**
 * Rests the pointer there. A page hears of having scrolled with its next picture, and that closes a
 * tooltip: the way there is scrolled before, and over by then.
 *
 * @param {Locator} place
 */
export async function pointAt(place) {
  await place.scrollIntoViewIfNeeded();
  await pictured(place.page());
  await place.hover();
}

/**
 * Waits until no dialog covers the page. What one covers has no role, so that by its role it is not
 * found, whether it is there or not.
 *
 * @param {Page} page
 */
export async function uncovered(page) {
  await page.getByRole("main").waitFor();
  await tookBack(page);
}

/** Waits until something is gone from the page itself. @param {Locator} place */
export async function isGone(place) {
  await uncovered(place.page());
  await place.waitFor({ state: "detached" });
}

/** Waits until the focus is there. @param {Locator} place */
export const focusOn = (place) =>
  until("the focus", () => place.evaluate((element) => element === document.activeElement));

/**
 * Waits until a dialog is what keys and clicks go to: that is a moment after it is there, or after
 * the one above it is gone. Nobody is that fast, but for a test.
 *
 * @param {Locator} dialog
 */
export const onTop = (dialog) =>
  until("the dialog on top", () =>
    dialog.evaluate((element) => element.style.pointerEvents === "auto"),
  );

// --- What a page has to be

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);
const AXE_TAGS = [
  "wcag2a",
  "wcag2aa",
  "wcag21a",
  "wcag21aa",
  "wcag22a",
  "wcag22aa",
  "best-practice",
];

/** Waits until nothing moves any more, but for what always does. @param {Page} page */
export async function still(page) {
  await page.evaluate(async () => {
    const moving = document
      .getAnimations()
      .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity);
    await Promise.allSettled(moving.map((animation) => animation.finished));
  });
}

/**
 * Asserts that each text is alone in its element. A browser that translates a page puts elements
 * into the places of texts: where a text is alone, React writes over them, and elsewhere it looks
 * for a text that is not there any more.
 *
 * @param {Page} page
 */
export async function textsAreAlone(page) {
  // What React has not made, such as a mail, nobody writes over.
  const crowded = await page.evaluate(() =>
    [...document.querySelectorAll("body:has(> #root) > div *")]
      .filter(({ childNodes }) => childNodes.length > 1)
      .filter(({ childNodes }) => [...childNodes].some((node) => node.nodeName === "#text"))
      .map((element) => element.outerHTML),
  );
  assert.deepEqual(crowded, []);
}

/** Asserts that axe finds nothing to object to, in what is on the page now. @param {Page} page */
export async function axe(page) {
  await still(page);
  await textsAreAlone(page);
  // By the debugger, as a person's extension would: the page's own policy lets no such script in.
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async (tags) => {
    const { violations } = await globalThis.axe.run(document, {
      runOnly: { type: "tag", values: tags },
      resultTypes: ["violations"],
    });
    return violations.map(({ id, help, nodes }) => {
      const places = nodes.map((node) => `${node.html} ${node.failureSummary}`);
      return [`${id}: ${help}`, ...places].join("\n  ");
    });
  }, AXE_TAGS);
  assert.deepEqual(violations, []);
}

/**
 * Keeps pictures of the page for docs/screens: three widths, both themes. Only with SCREENS set.
 *
 * @param {Page} page
 * @param {string} name
 */
export async function screens(page, name) {
  if (!process.env.SCREENS) return;
  const folder = resolve(web, "../docs/screens");
  mkdirSync(folder, { recursive: true });
  const before = page.viewportSize();
  const dark = await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
  // Playwright itself makes no WebP, which takes a quarter of the place.
  const debug = await page.context().newCDPSession(page);
  // Phones lay their scrollbars over the page; nothing is kept free for them.
  await page.evaluate(() => (document.documentElement.style.scrollbarGutter = "auto"));
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme });
    for (const width of WIDTHS) {
      const height = width < 700 ? 812 : 900;
      await page.setViewportSize({ width, height });
      await still(page);
      // What lies over the page lies over what can be seen of it, not over all of it.
      const covered = await page.locator(".overlay, .toast, .offline").count();
      const whole = await page.evaluate(() => document.documentElement.scrollHeight);
      const clip = covered
        ? {}
        : {
            captureBeyondViewport: true,
            clip: { x: 0, y: 0, width, height: Math.max(height, whole), scale: 1 },
          };
      const { data } = await debug.send("Page.captureScreenshot", {
        format: "webp",
        quality: 75,
        ...clip,
      });
      writeFileSync(
        join(folder, `${name}-${width}-${colorScheme}.webp`),
        Buffer.from(data, "base64"),
      );
    }
  }
  await debug.detach();
  await page.evaluate(() => document.documentElement.style.removeProperty("scrollbar-gutter"));
  await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
  if (before) await page.setViewportSize(before);
}
