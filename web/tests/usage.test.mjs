// The block "Usage": what is used of an account's limits, for accounts that have some.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  atRest,
  deskAndBrowser,
  focusOn,
  hold,
  isGone,
  logIn,
  newPage,
  pictured,
  readAnew,
  says,
  use,
} from "./support.mjs";

/** @import { Page } from "playwright-core" */
/** @import { TestContext } from "node:test" */
/** @import { Limits } from "./support.mjs" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

deskAndBrowser((...both) => ([desk, browser] = both));

/**
 * The page of an admin of an account with these limits.
 *
 * @param {TestContext} t
 * @param {Limits | null} limits
 */
async function admin(t, limits) {
  const page = await newPage(browser, desk, { t });
  await logIn(page, desk, await desk.newAdmin({ limits }));
  await page.getByRole("rowheader", { name: "Sandbox" }).waitFor();
  await atRest(page);
  return page;
}

/** @param {Page} page */
const block = (page) => page.getByRole("region", { name: "Usage" });

/** @param {Page} page */
const bar = (page) => block(page).getByRole("meter");

/** What the server says. @param {Page} page */
const told = async (page) => (await page.request.get("/api/usage")).json();

/** How much of the bar is filled, in hundredths. @param {Page} page */
const filled = (page) =>
  bar(page).evaluate((whole) => {
    const part = whole.firstElementChild?.getBoundingClientRect().width ?? Number.NaN;
    return Math.round((part * 100) / whole.clientWidth);
  });

/** A day, as the pages here write it. @param {number} at */
const english = (at) =>
  new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" }).format(at);

// The first, because it leaves the desk at the beginning of a month, which does not end soon.
test("when the month is over the count starts anew, and the page says so", async (t) => {
  const now = Date.parse((await desk.api("")("GET", "/api/session")).headers.get("date") ?? "");
  const [year, month] = [new Date(now).getUTCFullYear(), new Date(now).getUTCMonth()];
  // Of the next one, in case that this one is over in a moment.
  const end = Date.UTC(year, month + 2);
  await desk.advance(Math.floor((end - now) / 1000) - 3600);
  const page = await admin(t, { per_month: 5 });
  await use(page, desk, 5);
  await says(block(page), "5 of 5 calls this month");
  await says(block(page).getByRole("time"), english(end));
  await desk.advance(3601);
  await readAnew(page);
  await says(block(page), "0 of 5 calls this month");
  await says(block(page).getByRole("time"), english(Date.UTC(year, month + 3)));
  await isGone(block(page).getByText("Used up"));
});

test("an account without limits has nothing of it on its page", async (t) => {
  const page = await admin(t, null);
  const asked = page.waitForResponse("**/api/usage");
  await page.goto("about:blank");
  await page.goto(`${desk.url}/#usage`);
  await (await asked).finished();
  await atRest(page);
  assert.equal(await page.getByText("Usage").count(), 0);
  assert.equal(await page.getByRole("meter").count(), 0);
  assert.equal(await page.evaluate(() => scrollY), 0);
});

test("the month's calls are told as a bar and in words, with the end of the month", async (t) => {
  const page = await admin(t, { per_month: 40 });
  await use(page, desk, 10);
  await says(block(page), "10 of 40 calls this month");
  const end = (await told(page)).resets_at;
  await says(block(page), "Starts anew on");
  assert.equal(await block(page).getByRole("time").innerText(), english(Date.parse(end)));
  const meter = block(page).getByRole("meter", { name: "10 of 40 calls this month" });
  assert.equal(await meter.getAttribute("aria-valuenow"), "25");
  assert.equal(await meter.getAttribute("aria-valuetext"), "25%");
  assert.equal(await filled(page), 25);
  assert.equal(await block(page).getByText("a minute").count(), 0);
});

test("with a rate alone there are words alone", async (t) => {
  const page = await admin(t, { per_minute: 6000, burst: 100 });
  await says(block(page), "At most 6,000 calls a minute, 100 at once.");
  assert.equal(await bar(page).count(), 0);
  assert.equal(await block(page).getByText("this month").count(), 0);
});

test("members see both limits as well, in the numbers and dates of their language", async (t) => {
  const page = await admin(t, { per_minute: 1, per_month: 1_000_000 });
  await says(block(page), "At most 1 call a minute, 1 at once.");
  await says(block(page), "of 1,000,000 calls this month");
  const email = desk.newAddress("member");
  const headers = { origin: desk.url };
  await page.request.post("/api/team", { data: { email }, headers });
  const options = { context: { locale: "de-DE", timezoneId: "Asia/Tokyo" } };
  const theirs = await newPage(browser, desk, { t, ...options });
  await logIn(theirs, desk, email);
  await says(block(theirs), "of 1.000.000 calls this month");
  const end = new Date((await told(theirs)).resets_at);
  const german = new Intl.DateTimeFormat("de-DE", { dateStyle: "medium", timeZone: "Asia/Tokyo" });
  await says(block(theirs).getByRole("time"), german.format(end));
});

test("from 80 % on a badge says how much is used, and at 100 % what that means", async (t) => {
  const page = await admin(t, { per_month: 40 });
  const badge = block(page).locator(".badge");
  await use(page, desk, 31);
  await says(block(page), "31 of 40 calls this month");
  assert.equal(await badge.count(), 0);
  await use(page, desk, 32);
  await says(badge, "80% used");
  await use(page, desk, 39);
  await says(badge, "97% used");
  await says(block(page), "Starts anew on");
  await use(page, desk, 40);
  await says(badge, "Used up");
  await says(block(page), "Further calls are over the limit until");
  assert.equal(await filled(page), 100);
});

test("an account that is over its limit is told why its Sandbox is not configured", async (t) => {
  const page = await admin(t, { per_month: 5 });
  await use(page, desk, 5);
  await page.getByRole("button", { name: "Test Connection" }).click();
  const sandbox = page.getByRole("region", { name: "Sandbox status" });
  await says(sandbox, "Sandbox not configured");
  await says(sandbox, "this account’s limit is reached.");
});

test("limits that an operator changes are seen, also below what is used already", async (t) => {
  const page = await admin(t, { per_month: 40 });
  const { account } = await (await page.request.get("/api/session")).json();
  await use(page, desk, 10);
  await desk.limit(account.id, { per_month: 4, per_minute: 600 });
  await readAnew(page);
  await says(block(page), "10 of 4 calls this month");
  await says(block(page), "Used up");
  assert.equal(await bar(page).getAttribute("aria-valuenow"), "100");
  assert.equal(await filled(page), 100);
  await says(block(page), "At most 600 calls a minute, 600 at once.");
  await desk.limit(account.id, null);
  await readAnew(page);
  await isGone(block(page));
});

test("what cannot be loaded says so and can be tried again; the page is there", async (t) => {
  const page = await admin(t, { per_month: 40 });
  await says(block(page), "of 40 calls this month");
  allow(page, "GET /api/usage failed");
  await page.route("**/api/usage", (route) => route.abort("connectionreset"));
  await readAnew(page);
  await says(page.locator(".toast"), "No answer came back.");
  await says(block(page), "of 40 calls this month");

  await page.reload();
  await says(block(page).getByRole("alert"), "No answer came back.");
  await page.getByRole("rowheader", { name: "Sandbox" }).waitFor();
  await says(page, "Sandbox ready");
  await page.unroute("**/api/usage");
  await block(page).getByRole("button", { name: "Retry" }).click();
  await says(block(page), "of 40 calls this month");
});

test("the address of the mails leads there, once it is there", async (t) => {
  const page = await admin(t, { per_month: 40 });
  await page.goto("about:blank");
  const load = await hold(page, "**/api/usage");
  await page.goto(`${desk.url}/#usage`);
  await page.getByRole("rowheader", { name: "Sandbox" }).waitFor();
  assert.equal(await block(page).count(), 0, "no place is kept for what may not come");
  await load();
  await focusOn(block(page).getByRole("heading", { name: "Usage" }));
});

test("it leads there also when the last two answers come at the same moment", async (t) => {
  const page = await admin(t, { per_month: 40 });
  await page.goto("about:blank");
  await page.addInitScript(keepAnswers);
  await page.goto(`${desk.url}/#usage`);
  await page.getByRole("rowheader", { name: "Sandbox" }).waitFor();
  await atRest(page);
  await pictured(page);
  await page.evaluate(() => globalThis.tellAnswers());
  await focusOn(block(page).getByRole("heading", { name: "Usage" }));
});

/**
 * Has the page be told of the team and of the usage, in this order and before it does anything
 * else, when the test says so. Runs in the page.
 */
function keepAnswers() {
  const { fetch } = window;
  const paths = ["/api/team", "/api/usage"];
  /** @type {Map<string, () => void>} */
  const kept = new Map();
  window.fetch = async (input, init) => {
    const response = await fetch(input, init);
    const path = String(input);
    if (!paths.includes(path)) return response;
    const text = await response.text();
    await new Promise((told) => kept.set(path, () => told(undefined)));
    response.text = () => Promise.resolve(text);
    return response;
  };
  globalThis.tellAnswers = () => {
    for (const path of paths) kept.get(path)?.();
  };
}
