// What becomes of a key after it was made: when it was used, when it ends, other names, other
// values.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deskAndBrowser, logIn, newPage, says } from "./support.mjs";

/** @import { Page } from "playwright-core" */
/** @import { TestContext } from "node:test" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

deskAndBrowser((...both) => ([desk, browser] = both));

const HOUR = 60 * 60;
const DAY = 24 * HOUR;

/**
 * The page of an admin with an account of their own, logged in, with the Sandbox's key in the list.
 *
 * @param {TestContext} t
 * @param {import("./support.mjs").PageOptions} [options]
 */
async function admin(t, options = {}) {
  const email = await desk.newAdmin();
  const page = await newPage(browser, desk, { t, ...options });
  /** Comes back so many seconds later. */
  async function later(seconds = 0) {
    if (seconds) await desk.advance(seconds);
    await page.context().clearCookies();
    await page.goto(desk.url);
    await logIn(page, desk, email);
    await row(page, "Sandbox").waitFor();
  }
  await later();
  return { page, later };
}

/** @param {Page} page */
const block = (page) => page.getByRole("region", { name: "API keys" });

/** @param {Page} page @param {string} name */
const row = (page, name) =>
  block(page)
    .getByRole("row")
    .filter({ has: page.getByRole("rowheader", { name }) });

/** What stands in a row below a heading. @param {Page} page @param {string} name */
async function cell(page, name, heading = "") {
  const headings = await block(page).getByRole("columnheader").allInnerTexts();
  const place = row(page, name).locator("th, td").filter({ visible: true });
  return place.nth(headings.indexOf(heading)).innerText();
}

/**
 * Makes a key beside the page.
 *
 * @param {Page} page
 * @param {{ name: string, expires_at?: string }} key
 */
async function made(page, key) {
  const headers = { origin: desk.url };
  const answer = await page.request.post("/api/keys", { data: key, headers });
  assert.equal(answer.status(), 201);
  return answer.json();
}

/** By the desk's own clock. @param {Page} page @param {number} seconds */
async function fromNow(page, seconds) {
  const answer = await page.request.get("/api/session");
  return new Date(Date.parse(answer.headers().date ?? "") + seconds * 1000).toISOString();
}

/** As the reader of `newPage` writes a date. @param {string} at */
const day = (at) =>
  new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" }).format(new Date(at));

test("the list says when a key was last used, by hours within a day, then by date", async (t) => {
  const { page, later } = await admin(t);
  const { api_key } = await made(page, { name: "Used" });
  await made(page, { name: "Idle" });
  await page.reload();
  await row(page, "Idle").waitFor();
  assert.equal(await cell(page, "Used", "Last used"), "Never");
  assert.equal((await desk.callProduct(api_key)).status, 200);
  const date = day(await fromNow(page, 0));
  for (const [seconds, words] of /** @type {const} */ ([
    [0, "Within the hour"],
    [HOUR, "1 hour ago"],
    [4 * HOUR, "5 hours ago"],
    [20 * HOUR, date],
  ])) {
    await later(seconds);
    assert.equal(await cell(page, "Used", "Last used"), words);
    assert.equal(await cell(page, "Idle", "Last used"), "Never");
  }
});

test("the list says when keys end, marks what ends within 14 days, and what is over", async (t) => {
  const { page, later } = await admin(t);
  const end = await fromNow(page, 15 * DAY + HOUR);
  await made(page, { name: "Ends", expires_at: end });
  await made(page, { name: "Stays" });
  const badge = row(page, "Ends").locator(".badge");
  for (const [seconds, words] of /** @type {const} */ ([
    [0, []],
    [DAY, []],
    [2 * HOUR, ["13 days left"]],
    [12 * DAY, ["1 day left"]],
    [DAY, ["22 hours left"]],
    [22 * HOUR, ["Less than an hour left"]],
    [HOUR, ["Expired"]],
  ])) {
    await later(seconds);
    assert.deepEqual(await badge.allInnerTexts(), words);
    assert.equal(await cell(page, "Ends", "Expires"), day(end));
    assert.equal(await cell(page, "Stays", "Expires"), "Never");
  }
  assert.equal(await row(page, "Stays").locator(".badge").count(), 0);
});

test("on a narrow screen a key's last use and end stand under its name", async (t) => {
  for (const width of [320, 600, 767]) {
    const { page } = await admin(t, { viewport: { width, height: 700 } });
    const end = await fromNow(page, 30 * DAY);
    const { api_key } = await made(page, { name: "Used", expires_at: end });
    await made(page, { name: "Idle" });
    await desk.callProduct(api_key);
    await page.reload();
    const name = (/** @type {string} */ name) => page.getByRole("rowheader", { name });
    await says(name("Used"), "Used within the hour");
    await says(name("Used"), `Expires ${day(end)}`);
    await says(name("Idle"), "Never used");
    assert.deepEqual(await block(page).getByRole("columnheader").allInnerTexts(), [
      "Name",
      "Created on",
      "Actions",
    ]);
  }
});

test("a row says how long its old value still works, and members see what admins see", async (t) => {
  const { page, later } = await admin(t);
  const end = await fromNow(page, 5 * DAY);
  const { key } = await made(page, { name: "Rotated", expires_at: end });
  const headers = { origin: desk.url };
  await page.request.post(`/api/keys/${key.id}/rotate`, { data: {}, headers });
  const member = desk.newAddress("member");
  await page.request.post("/api/team", { data: { email: member }, headers });
  const theirs = await newPage(browser, desk, { t });
  await logIn(theirs, desk, member);
  await page.reload();
  for (const each of [page, theirs]) {
    await says(row(each, "Rotated"), "The old value works until");
    assert.equal(await cell(each, "Rotated", "Expires"), day(end));
    assert.equal(await cell(each, "Rotated", "Last used"), "Never");
    await says(row(each, "Rotated"), "4 days left");
  }
  await later(DAY);
  await says(row(page, "Rotated"), "3 days left");
  assert.equal(await row(page, "Rotated").getByText("The old value").count(), 0);
});
