// What becomes of a key after it was made: when it was used, when it ends, other names, other
// values.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  atLogin,
  atRest,
  axe,
  comeBack,
  deskAndBrowser,
  focusOn,
  isGone,
  logIn,
  loseAnswers,
  newPage,
  onTop,
  requests,
  says,
  saysAgain,
  tookBack,
  until,
} from "./support.mjs";

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
    if (seconds) {
      await atRest(page);
      await desk.advance(seconds);
    }
    await page.context().clearCookies();
    await page.goto(desk.url);
    await logIn(page, desk, email);
    await row(page, "Sandbox").waitFor();
    await atRest(page);
  }
  await later();
  return { page, later, email };
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

test("a row says how long its old value works, and members see what admins see", async (t) => {
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
  await atRest(theirs);
  await later(DAY);
  await says(row(page, "Rotated"), "3 days left");
  assert.equal(await row(page, "Rotated").getByText("The old value").count(), 0);
});

/** A place that is a day ahead for a third of each day, and never moves its clocks. */
const TOKYO = { context: { timezoneId: "Asia/Tokyo" } };
/** The day that it is there, as date fields write it. */
const inTokyo = (/** @type {string} */ at) =>
  new Date(Date.parse(at) + 9 * HOUR * 1000).toISOString().slice(0, 10);

/** @param {Page} page */
const creation = (page) => page.getByRole("dialog", { name: "New API key" });

/** @param {Page} page @param {string} name */
async function beginCreation(page, name) {
  await page.getByRole("button", { name: "New API Key" }).click();
  await creation(page).getByLabel("Name").fill(name);
  return creation(page).getByLabel("Expiry");
}

/** Saves the key that is shown. @param {Page} page */
async function gotIt(page) {
  const viewer = page.getByRole("dialog", { name: "Save your new API key" });
  await viewer.getByRole("checkbox", { name: /I have copied/ }).click();
  await viewer.getByRole("button", { name: "Got it, I saved it" }).click();
  await isGone(viewer);
}

/** @param {Page} page @param {string} name */
async function listed(page, name) {
  const { keys } = await (await page.request.get("/api/keys")).json();
  return keys.find((/** @type {{ name: string }} */ key) => key.name === name);
}

test("a new key ends when it is said: never, or with a day where the reader is", async (t) => {
  const { page, later } = await admin(t, TOKYO);
  // Far from the browser's clock, which nobody asks.
  await later(40 * DAY);
  const choices = /** @type {const} */ ({ Never: 0, "30 days": 30, "90 days": 90, "1 year": 365 });
  for (const [choice, days] of Object.entries(choices)) {
    const expiry = await beginCreation(page, choice);
    assert.equal(await expiry.inputValue(), "Never");
    const before = await fromNow(page, days * DAY);
    await expiry.selectOption(choice);
    if (!days) await says(creation(page), "It works until it is deleted.");
    else await says(creation(page), /^Expires on \d+ \w+ \d{4}, at the end of the day\.$/);
    const words = await creation(page).locator(".field-help").last().innerText();
    await page.getByRole("button", { name: "Create Key" }).click();
    await gotIt(page);
    const { expires_at } = await listed(page, choice);
    if (!days) {
      assert.equal(expires_at, null);
      continue;
    }
    assert.match(expires_at, /T14:59:59\.999Z$/, "the end of a day in Tokyo");
    const after = await fromNow(page, days * DAY);
    if (days < 365) assert.ok([before, after].map(inTokyo).includes(inTokyo(expires_at)));
    else assert.equal(inTokyo(expires_at).slice(4), inTokyo(await fromNow(page, 0)).slice(4));
    assert.ok(words.includes(day(`${inTokyo(expires_at)}T00:00:00Z`)), words);
    assert.equal(await cell(page, choice, "Expires"), day(`${inTokyo(expires_at)}T00:00:00Z`));
  }
});

test("a new key may end with any day from today to five years ahead", async (t) => {
  const { page } = await admin(t, TOKYO);
  const expiry = await beginCreation(page, "Dated");
  await expiry.selectOption("A date");
  const last = creation(page).getByLabel("Last day");
  const [least, most] = [await last.getAttribute("min"), await last.getAttribute("max")];
  const sent = requests(page, "POST");
  for (const wrong of ["", "2020-01-01", "2999-12-31"]) {
    await last.fill(wrong);
    await page.getByRole("button", { name: "Create Key" }).click();
    const words = [least, most].map((limit) => day(`${limit}T00:00:00Z`)).join(" to ");
    await says(creation(page).getByRole("alert"), `Choose a day from ${words}.`);
    await focusOn(last);
  }
  assert.deepEqual(sent, []);
  for (const [name, limit] of /** @type {const} */ ([
    ["Dated", least],
    ["Dated far", most],
  ])) {
    if (name !== "Dated") await (await beginCreation(page, name)).selectOption("A date");
    await last.fill(limit ?? "");
    await says(creation(page), `Expires on ${day(`${limit}T00:00:00Z`)}, at the end of the day.`);
    await page.getByRole("button", { name: "Create Key" }).click();
    await gotIt(page);
    assert.equal(inTokyo((await listed(page, name)).expires_at), limit);
  }
});

test("a retry after a lost answer is of the same end; another end is another key", async (t) => {
  const { page } = await admin(t);
  allow(page, "POST /api/keys failed");
  await loseAnswers(page, "POST /api/keys", 2);
  const expiry = await beginCreation(page, "Lost");
  await expiry.selectOption("30 days");
  const send = page.getByRole("button", { name: "Create Key" });
  await send.click();
  await says(creation(page), "No answer came back.");
  await saysAgain(creation(page), "No answer came back.", () => send.click());
  await expiry.selectOption("90 days");
  await send.click();
  await gotIt(page);
  const { keys } = await (await page.request.get("/api/keys")).json();
  const lost = keys.filter((/** @type {{ name: string }} */ key) => key.name === "Lost");
  assert.equal(lost.length, 2);
});

test("what only the server says against an end is told where it was chosen", async (t) => {
  const { page, later } = await admin(t, TOKYO);
  allow(page, "POST /api/keys 400");
  // An hour before midnight there.
  const now = Date.parse(await fromNow(page, 0)) / 1000;
  await later(DAY - ((now + 10 * HOUR) % DAY));
  const expiry = await beginCreation(page, "Too late");
  await expiry.selectOption("A date");
  const last = creation(page).getByLabel("Last day");
  const least = (await last.getAttribute("min")) ?? "";
  await last.fill(least);
  // The day is over for the desk, and the page has not heard of it.
  await desk.advance(2 * HOUR);
  await page.getByRole("button", { name: "Create Key" }).click();
  await says(creation(page).getByRole("alert"), "A key expires at a time that is at least");
  await last.fill("");
  await expiry.selectOption("30 days");
  assert.equal(await creation(page).getByRole("alert").count(), 0);
});

test("what was chosen for a new key is there again after a session that ended", async (t) => {
  const { page, email } = await admin(t);
  allow(page, "POST /api/keys 401");
  const expiry = await beginCreation(page, "Kept");
  await expiry.selectOption("90 days");
  await page.context().clearCookies();
  await page.getByRole("button", { name: "Create Key" }).click();
  await atLogin(page);
  await logIn(page, desk, email);
  await page.getByRole("button", { name: "New API Key" }).click();
  assert.equal(await creation(page).getByLabel("Name").inputValue(), "Kept");
  assert.equal(await expiry.inputValue(), "90 days");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "New API Key" }).click();
  assert.equal(await expiry.inputValue(), "Never");
});

/** The button of a row's menu. @param {Page} page @param {string} name */
const more = (page, name) => page.getByRole("button", { name: `More actions for ${name}` });

/** @param {Page} page @param {string} name @param {string} item */
async function choose(page, name, item) {
  await more(page, name).click();
  await page.getByRole("menuitem", { name: item }).click();
}

/** Makes keys beside the page, and waits for them. @param {Page} page @param {string[]} names */
async function withKeys(page, ...names) {
  for (const name of names) await made(page, { name });
  await page.reload();
  await row(page, names.at(-1) ?? "").waitFor();
}

test("a row's menu is worked by keys alone, and the focus comes back to its button", async (t) => {
  const { page } = await admin(t);
  await withKeys(page, "By keys");
  const { keyboard } = page;
  const menu = page.getByRole("menu", { name: "More actions for By keys" });
  const item = (/** @type {string} */ name) => page.getByRole("menuitem", { name });
  for (const [opens, first] of /** @type {const} */ ([
    ["Enter", "Rename"],
    ["Space", "Rename"],
    ["ArrowDown", "Rename"],
    ["ArrowUp", "Delete"],
  ])) {
    await more(page, "By keys").focus();
    await keyboard.press(opens);
    await focusOn(item(first));
    await page.getByRole("button", { name: /^More .* By keys$/, expanded: true }).waitFor();
    await keyboard.press("Escape");
    await menu.waitFor({ state: "hidden" });
    await focusOn(more(page, "By keys"));
    await page.getByRole("button", { name: /^More .* By keys$/, expanded: false }).waitFor();
  }
  await tookBack(page);
  await keyboard.press("Enter");
  for (const [key, name] of /** @type {const} */ ([
    ["ArrowDown", "Rotate"],
    ["ArrowUp", "Rename"],
    ["ArrowUp", "Delete"],
    ["ArrowDown", "Rename"],
    ["End", "Delete"],
    ["Home", "Rename"],
    ["c", "Change expiry"],
    ["d", "Delete"],
    ["R", "Rename"],
    ["r", "Rotate"],
    ["x", "Rotate"],
    // Named keys write nothing.
    ["Delete", "Rotate"],
    ["Home", "Rename"],
  ])) {
    await keyboard.press(key);
    await focusOn(item(name));
  }
  await keyboard.press("Tab");
  await menu.waitFor({ state: "hidden" });
  await focusOn(page.getByRole("button", { name: "Delete By keys" }));
  await tookBack(page);
  await more(page, "By keys").press("Enter");
  await keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Rename “By keys”" });
  await focusOn(dialog.getByLabel("Name"));
  await keyboard.press("Escape");
  await isGone(dialog);
  await focusOn(more(page, "By keys"));
});

test("a tooltip on its way out takes no Escape: that is the dialog's", async (t) => {
  const { page } = await admin(t);
  await withKeys(page, "In a hurry");
  // By keys, so that each focus shows the tooltip; and Escape at once, before it is gone.
  await more(page, "In a hurry").press("ArrowDown");
  const rename = page.getByRole("menuitem", { name: "Rename" });
  await focusOn(rename);
  await rename.evaluate(async (/** @type {HTMLElement} */ item) => {
    item.click();
    while (document.activeElement?.tagName !== "INPUT") await null;
    const pressed = { key: "Escape", bubbles: true, cancelable: true };
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", pressed));
  });
  await isGone(page.getByRole("dialog"));
  await focusOn(more(page, "In a hurry"));
});

test("the back button, a click beside it and its own button close a menu", async (t) => {
  const { page } = await admin(t);
  await withKeys(page, "Closed");
  const menu = page.getByRole("menu");
  for (const close of [
    () => page.goBack(),
    () => page.getByRole("heading", { level: 1 }).click(),
    () => more(page, "Closed").click(),
  ]) {
    await more(page, "Closed").click();
    await menu.waitFor();
    await close();
    await menu.waitFor({ state: "hidden" });
    await tookBack(page);
  }
  // The second half of a double click does not close it, and chooses nothing in it.
  await more(page, "Closed").dblclick();
  await menu.waitFor();
  await page.getByRole("menuitem", { name: "Rename" }).dblclick();
  const dialog = page.getByRole("dialog", { name: "Rename “Closed”" });
  await onTop(dialog);
  await page.goBack();
  await isGone(dialog);
  assert.equal(new URL(page.url()).pathname, "/");
});

test("a menu lies in the window, beside its button, also when the page is scrolled", async (t) => {
  const { page } = await admin(t, {
    viewport: { width: 320, height: 500 },
    context: { hasTouch: true, isMobile: true },
  });
  await withKeys(page, "One", "Two", "Three", "Four");
  for (const name of ["One", "Four"]) {
    await more(page, name).tap();
    const menu = page.getByRole("menu");
    await menu.waitFor();
    await axe(page);
    const { x, y, width, height } = (await menu.boundingBox()) ?? assert.fail();
    assert.ok(x >= 0 && y >= 0 && x + width <= 320 && y + height <= 500, name);
    for (const item of await page.getByRole("menuitem").all())
      assert.ok(((await item.boundingBox())?.height ?? 0) >= 44);
    const button = (await more(page, name).boundingBox())?.y ?? assert.fail();
    await page.evaluate(() => scrollBy(0, -40));
    const moved = ((await more(page, name).boundingBox())?.y ?? 0) - button;
    assert.equal((await menu.boundingBox())?.y, y + moved, "it goes along");
    await page.keyboard.press("Escape");
    await menu.waitFor({ state: "hidden" });
    await tookBack(page);
  }
});

test("the Sandbox key has its trash icon and no menu, and members have neither", async (t) => {
  const { page } = await admin(t);
  await withKeys(page, "Theirs");
  const member = desk.newAddress("member");
  const headers = { origin: desk.url };
  await page.request.post("/api/team", { data: { email: member }, headers });
  const buttons = (/** @type {Page} */ page, /** @type {string} */ name) =>
    row(page, name)
      .getByRole("button")
      .evaluateAll((all) => all.map((button) => button.ariaLabel));
  assert.deepEqual(await buttons(page, "Sandbox"), ["Copy Sandbox key", "Delete Sandbox"]);
  assert.deepEqual(await buttons(page, "Theirs"), ["More actions for Theirs", "Delete Theirs"]);
  const theirs = await newPage(browser, desk, { t });
  await logIn(theirs, desk, member);
  await row(theirs, "Theirs").waitFor();
  assert.deepEqual(await buttons(theirs, "Theirs"), []);
  assert.equal(await block(theirs).locator(".menu").count(), 0);
});

test("a key gets another name, which is checked as a new one's", async (t) => {
  const { page } = await admin(t);
  await withKeys(page, "Before", "Other");
  await choose(page, "Before", "Rename");
  const dialog = page.getByRole("dialog", { name: "Rename “Before”" });
  const name = dialog.getByLabel("Name");
  const send = dialog.getByRole("button", { name: "Rename" });
  await focusOn(name);
  assert.equal(await name.inputValue(), "Before");
  await name.fill(" ");
  await send.click();
  await says(dialog.getByRole("alert"), "Give the key a name.");
  await focusOn(name);
  allow(page, /^PATCH \/api\/keys\/\S+ 400$/);
  await name.fill("Right\u202eto left");
  await send.click();
  await says(dialog.getByRole("alert"), "none of them invisible");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Keep editing" }).click();
  await onTop(dialog);
  await name.fill("Other");
  await send.click();
  const ask = page.getByRole("alertdialog", { name: "There is a key of this name already" });
  await ask.getByRole("button", { name: "Change the name" }).click();
  await onTop(dialog);
  await name.fill(" After ");
  await name.press("Enter");
  await says(page, "“Before” is called “After” now.");
  await isGone(dialog);
  await row(page, "After").waitFor();
  assert.equal(await row(page, "Before").count(), 0);
  await focusOn(more(page, "After"));
  // Its own name is not another's.
  await choose(page, "After", "Rename");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await says(page, "“After” is called “After” now.");
});

test("a key's end is changed, taken away, and given again once it is over", async (t) => {
  const { page, later } = await admin(t, TOKYO);
  const dialog = page.getByRole("dialog", { name: "Change when “Ends” expires" });
  const expiry = dialog.getByLabel("Expiry");
  const send = dialog.getByRole("button", { name: "Change expiry" });
  const end = await fromNow(page, 5 * DAY);
  const { api_key } = await made(page, { name: "Ends", expires_at: end });
  await page.reload();
  await choose(page, "Ends", "Change expiry");
  assert.equal(await expiry.inputValue(), "A date");
  assert.equal(await dialog.getByLabel("Last day").inputValue(), inTokyo(end));
  // Nothing was chosen: nothing is lost.
  await page.keyboard.press("Escape");
  await isGone(dialog);
  await choose(page, "Ends", "Change expiry");
  await expiry.selectOption("Never");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Keep editing" }).click();
  await onTop(dialog);
  await send.click();
  await says(page, "“Ends”: It works until it is deleted.");
  await isGone(dialog);
  await focusOn(more(page, "Ends"));
  assert.equal(await cell(page, "Ends", "Expires"), "Never");

  await choose(page, "Ends", "Change expiry");
  assert.equal(await expiry.inputValue(), "Never");
  // What was chosen and taken back is no change.
  await expiry.selectOption("90 days");
  await expiry.selectOption("Never");
  await page.keyboard.press("Escape");
  await isGone(dialog);
  await choose(page, "Ends", "Change expiry");
  await expiry.selectOption("30 days");
  await send.click();
  await isGone(dialog);
  assert.match((await listed(page, "Ends")).expires_at, /T14:59:59\.999Z$/);

  await later(32 * DAY);
  await says(row(page, "Ends"), "Expired");
  assert.equal((await desk.callProduct(api_key)).status, 403);
  await choose(page, "Ends", "Change expiry");
  await says(dialog, "It has expired, and is refused. With a later end it works again.");
  assert.equal(await expiry.inputValue(), "30 days");
  await send.click();
  await says(page, /^“Ends”: Expires on \d+ \w+ \d{4}, at the end of the day\.$/);
  await isGone(dialog);
  assert.equal(await row(page, "Ends").getByText("Expired").count(), 0);
  assert.equal((await desk.callProduct(api_key)).status, 200);
});

test("a dialog about a key that is deleted meanwhile says so and closes", async (t) => {
  const { page } = await admin(t);
  const headers = { origin: desk.url };
  allow(page, /^(PATCH|POST) \/api\/keys\/\S+ 404$/);
  for (const [item, send] of Object.entries(SENDS)) {
    for (const noticed of [true, false]) {
      const { key } = await made(page, { name: "Gone" });
      await page.reload();
      await choose(page, "Gone", item);
      const dialog = page.getByRole("dialog");
      await onTop(dialog);
      await page.request.delete(`/api/keys/${key.id}`, { headers });
      if (noticed) await comeBack(page);
      else await dialog.getByRole("button", { name: send }).click();
      await says(page, "“Gone” is not there any more: it has been deleted.");
      await isGone(dialog);
      await isGone(row(page, "Gone"));
    }
  }
});

/** What sends the dialog that an item of the menu opens. */
const SENDS = { Rename: "Rename", Rotate: "Rotate", "Change expiry": "Change expiry" };

test("what is sent without an answer or offline says so, and stays to be sent again", async (t) => {
  const { page } = await admin(t);
  await withKeys(page, "Lost");
  allow(page, /^(PATCH|POST|GET) \/api\/\S+ failed$/);
  for (const item of ["Rename", "Change expiry"]) {
    const send = item;
    await page.route(/\/api\/keys\/./, (route) => route.abort("connectionreset"), { times: 1 });
    await choose(page, "Lost", item);
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: send }).click();
    await says(dialog, "No answer came back.");
    await page.context().setOffline(true);
    await dialog.getByRole("button", { name: send }).click();
    await says(dialog, "You are offline. Nothing was sent");
    await page.context().setOffline(false);
    await dialog.getByRole("button", { name: send }).click();
    await isGone(dialog);
  }
});

/** @param {Page} page */
const newValue = (page) => page.getByRole("dialog", { name: "Save the new value" });

/** The value in the viewing modal; saves it. @param {Page} page */
async function takeValue(page) {
  await newValue(page).getByRole("button", { name: "Show key" }).click();
  const value = (await newValue(page).locator("code").textContent()) ?? "";
  await newValue(page)
    .getByRole("checkbox", { name: /I have copied/ })
    .click();
  await newValue(page).getByRole("button", { name: "Got it, I saved it" }).click();
  await isGone(newValue(page));
  return value;
}

/** How the product answers calls with these keys. @param {string[]} keys */
const answers = (...keys) =>
  Promise.all(keys.map(async (key) => (await desk.callProduct(key)).status));

test("a rotation shows the new value once, and the old one works as long as it says", async (t) => {
  const { page, later } = await admin(t);
  const { api_key: old } = await made(page, { name: "Turned" });
  await page.reload();
  await choose(page, "Turned", "Rotate");
  const dialog = page.getByRole("dialog", { name: "Rotate “Turned”" });
  const end = dialog.getByLabel("The value until now stops working");
  assert.equal(await end.inputValue(), "After 1 day");
  await focusOn(end);
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await newValue(page).waitFor();
  await says(newValue(page), "This is the only time the full value of Turned is shown.");
  const { old_valid_until } = await listed(page, "Turned");
  const told = newValue(page).getByRole("time");
  assert.equal(await told.getAttribute("datetime"), old_valid_until);
  await axe(page);
  // Out of it without "Got it" asks, as of a new key.
  await page.keyboard.press("Escape");
  const lose = page.getByRole("alertdialog", { name: "Close without saving the key?" });
  await says(lose, "rotate the key once more: the value before this one then stops at once.");
  await lose.getByRole("button", { name: "Back to the key" }).click();
  await onTop(newValue(page));
  const value = await takeValue(page);
  await focusOn(more(page, "Turned"));
  await says(row(page, "Turned"), "The old value works until");
  assert.deepEqual(await answers(old, value), [200, 200]);
  assert.ok(!(await page.content()).includes(value));
  await later(DAY);
  assert.deepEqual(await answers(old, value), [403, 200]);
});

test("a rotation ends the old value when it is told to, and warns of At once", async (t) => {
  const { page } = await admin(t);
  let { api_key: old } = await made(page, { name: "Turned" });
  await page.reload();
  const dialog = page.getByRole("dialog", { name: "Rotate “Turned”" });
  for (const [choice, seconds] of /** @type {const} */ ([
    ["After 1 hour", HOUR],
    ["After 7 days", 7 * DAY],
    ["At once", 0],
  ])) {
    await choose(page, "Turned", "Rotate");
    // There is a third value from the second time on.
    const third = dialog.getByText("The value before the last rotation still works.");
    assert.equal(await third.count(), choice === "After 1 hour" ? 0 : 1);
    await dialog.getByRole("combobox").selectOption(choice);
    const warning = dialog.getByRole("alert");
    assert.equal(await warning.count(), seconds ? 0 : 1);
    if (!seconds) await says(warning, "Everything that calls the API with this key fails");
    const now = Date.parse(await fromNow(page, 0));
    await dialog.getByRole("button", { name: "Rotate" }).click();
    await newValue(page).waitFor();
    const { old_valid_until } = await listed(page, "Turned");
    if (seconds) {
      const kept = (Date.parse(old_valid_until) - now) / 1000;
      assert.ok(kept >= seconds && kept < seconds + 60, `${choice}: ${kept}`);
    } else {
      assert.equal(old_valid_until, null);
      await says(newValue(page), "The old value does not work any more.");
    }
    const value = await takeValue(page);
    assert.deepEqual(await answers(old, value), [seconds ? 200 : 403, 200]);
    old = value;
  }
});

test("a rotation whose answers are lost is repeated as it was, and shows its value", async (t) => {
  const { page } = await admin(t);
  allow(page, /^POST \/api\/keys\/\S+ failed$/);
  const { api_key: old } = await made(page, { name: "Lost" });
  await page.reload();
  /** @type {(string | null)[]} */
  const sent = [];
  await page.route(
    "**/rotate",
    async (route) => {
      sent.push(JSON.stringify(await route.request().headerValue("idempotency-key")));
      sent.push(route.request().postData());
      await route.fetch();
      await route.abort("connectionreset");
    },
    { times: 2 },
  );
  await choose(page, "Lost", "Rotate");
  const dialog = page.getByRole("dialog", { name: "Rotate “Lost”" });
  await dialog.getByRole("combobox").selectOption("After 1 hour");
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await says(dialog, "No answer came back.");
  assert.ok(await dialog.getByRole("combobox").isDisabled(), "another request would be another");
  const again = dialog.getByRole("button", { name: "Try again" });
  await saysAgain(dialog, "No answer came back.", () => again.click());
  assert.equal(sent.length, 4);
  assert.deepEqual(sent.slice(0, 2), sent.slice(2));
  // Every way out asks first: there may be a value that nobody has seen.
  const leave = page.getByRole("alertdialog", { name: "Leave without an answer?" });
  for (const way of [
    () => page.keyboard.press("Escape"),
    () => page.goBack(),
    () => dialog.getByRole("button", { name: "Cancel" }).click(),
  ]) {
    await onTop(dialog);
    await way();
    await leave.getByRole("button", { name: "Back" }).click();
  }
  await onTop(dialog);
  await again.click();
  await newValue(page).waitFor();
  const value = await takeValue(page);
  assert.deepEqual(await answers(old, value), [200, 200], "it was rotated once");
});

test("a gateway that refuses a repetition leaves it one, and it is asked again", async (t) => {
  const { page } = await admin(t);
  allow(page, /^POST \/api\/keys\S* (failed|429)$/);
  const { api_key: old } = await made(page, { name: "Throttled" });
  await page.reload();
  /** The first answer gets lost, and the next is a gateway's own. @param {string} path */
  const between = (path) => {
    let asked = 0;
    return page.route(path, async (route) => {
      // A page reads what it writes to at any time.
      if (route.request().method() !== "POST" || asked === 2) return route.fallback();
      asked += 1;
      if (asked === 2)
        return route.fulfill({ status: 429, json: { message: "Too Many Requests" } });
      await route.fetch();
      await route.abort("connectionreset");
    });
  };
  await between("**/rotate");
  await choose(page, "Throttled", "Rotate");
  const dialog = page.getByRole("dialog", { name: "Rotate “Throttled”" });
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await says(dialog, "No answer came back.");
  await dialog.getByRole("button", { name: "Try again" }).click();
  await says(dialog, "This cannot be answered at the moment.");
  await dialog.getByRole("button", { name: "Try again" }).click();
  await newValue(page).waitFor();
  const value = await takeValue(page);
  assert.deepEqual(await answers(old, value), [200, 200], "it was rotated once");

  await between("**/api/keys");
  const beginning = await beginCreation(page, "Once");
  await beginning.selectOption("Never");
  for (const words of ["No answer came back.", "This cannot be answered at the moment."]) {
    await page.getByRole("button", { name: "Create Key" }).click();
    await says(creation(page), words);
  }
  await page.getByRole("button", { name: "Create Key" }).click();
  await gotIt(page);
  const { keys } = await (await page.request.get("/api/keys")).json();
  const once = keys.filter((/** @type {{ name: string }} */ key) => key.name === "Once");
  assert.equal(once.length, 1);
});

test("a repeated rotation is not said to end the value that it keeps", async (t) => {
  const { page } = await admin(t);
  allow(page, /^POST \/api\/keys\/\S+ failed$/);
  const { key } = await made(page, { name: "Kept" });
  await page.reload();
  await loseAnswers(page, "POST /api/keys/*/rotate");
  await choose(page, "Kept", "Rotate");
  const dialog = page.getByRole("dialog", { name: "Rotate “Kept”" });
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await says(dialog, "No answer came back.");
  // The list has heard of the rotation, and its value until now is the old one there.
  await page.getByText("The old value works until").waitFor({ state: "attached" });
  assert.equal(await dialog.getByText("It stops at once.").count(), 0);
  await dialog.getByRole("button", { name: "Try again" }).click();
  await newValue(page).waitFor();
  await takeValue(page);
  assert.ok((await listed(page, "Kept")).old_valid_until, key.id);
});

test("a rotation that was not sent holds nobody, and one under way is not called so", async (t) => {
  const { page } = await admin(t);
  allow(page, /^(POST|GET) \/api\/\S+ failed$/);
  const { api_key: old } = await made(page, { name: "Offline" });
  await page.reload();
  const network = page.context();
  const dialog = page.getByRole("dialog", { name: "Rotate “Offline”" });
  const send = dialog.getByRole("button", { name: /^(Rotate|Try again)$/ });
  await choose(page, "Offline", "Rotate");
  await network.setOffline(true);
  await send.click();
  await says(dialog, "You are offline. Nothing was sent");
  assert.ok(await dialog.getByRole("combobox").isEnabled());
  await page.keyboard.press("Escape");
  await isGone(dialog);

  await network.setOffline(false);
  await page.route(
    "**/rotate",
    async (route) => {
      await route.fetch();
      await network.setOffline(true);
      await route.abort("connectionreset");
    },
    { times: 1 },
  );
  await choose(page, "Offline", "Rotate");
  await send.click();
  await says(dialog, "No answer came back.");
  // Tried again without a network, it is still the one that may have been done.
  await send.click();
  await says(dialog, "You are offline. Nothing was sent");
  await page.keyboard.press("Escape");
  const leave = page.getByRole("alertdialog", { name: "Leave without an answer?" });
  await leave.getByRole("button", { name: "Back" }).click();
  await onTop(dialog);
  await network.setOffline(false);
  await send.click();
  await newValue(page).waitFor();
  assert.deepEqual(await answers(old, await takeValue(page)), [200, 200], "it was rotated once");
});

test("a reload asks while the answer to a rotation is missing, and not before", async (t) => {
  const { page } = await admin(t);
  allow(page, /^POST \/api\/keys\/\S+ failed$/);
  await withKeys(page, "Held");
  await page.route("**/rotate", (route) => route.abort("connectionreset"));
  await choose(page, "Held", "Rotate");
  const dialog = page.getByRole("dialog", { name: "Rotate “Held”" });
  await onTop(dialog);
  await page.reload();
  await choose(page, "Held", "Rotate");
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await says(dialog, "No answer came back.");
  /** @type {string[]} */
  const asked = [];
  page.on("dialog", async (question) => {
    asked.push(question.type());
    await question.dismiss();
  });
  await page.evaluate(() => setTimeout(() => location.reload()));
  await until("the browser's question", async () => asked.length === 1);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Leave" }).click();
  await isGone(dialog);
  await page.reload();
  await row(page, "Held").waitFor();
  assert.deepEqual(asked, ["beforeunload"]);
});

test("a key that expires while its rotation is asked for says so; then it has none", async (t) => {
  const { page } = await admin(t);
  allow(page, /^POST \/api\/keys\/\S+ 409$/);
  await made(page, { name: "Over", expires_at: await fromNow(page, HOUR) });
  await page.reload();
  await choose(page, "Over", "Rotate");
  await atRest(page);
  await desk.advance(HOUR);
  const dialog = page.getByRole("dialog", { name: "Rotate “Over”" });
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await says(dialog, "This key has expired. Give it a later time, or none, first.");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await isGone(dialog);
  await says(row(page, "Over"), "Expired");
  await more(page, "Over").click();
  assert.deepEqual(await page.getByRole("menuitem").allInnerTexts(), [
    "Rename",
    "Change expiry",
    "Delete",
  ]);
});

test("a value that others' rotations have replaced is lost, and the next try is new", async (t) => {
  const { page } = await admin(t);
  allow(page, /^POST \/api\/keys\/\S+ (failed|409)$/);
  const { key } = await made(page, { name: "Replaced" });
  await page.reload();
  await loseAnswers(page, "POST /api/keys/*/rotate");
  await choose(page, "Replaced", "Rotate");
  const dialog = page.getByRole("dialog", { name: "Rotate “Replaced”" });
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await says(dialog, "No answer came back.");
  const headers = { origin: desk.url };
  for (let time = 0; time < 2; time += 1)
    await page.request.post(`/api/keys/${key.id}/rotate`, { data: {}, headers });
  await dialog.getByRole("button", { name: "Try again" }).click();
  await says(dialog, "has been replaced since.");
  await dialog.getByRole("button", { name: "Rotate" }).click();
  assert.deepEqual(await answers(await takeValue(page)), [200]);
});

test("deleting a key that was used within a day says when; no other deletion does", async (t) => {
  const { page, later } = await admin(t);
  const { api_key } = await made(page, { name: "Busy" });
  await withKeys(page, "Idle");
  await desk.callProduct(api_key);
  const ask = page.getByRole("alertdialog");
  const used = ask.getByText("It was last used");
  /** What the question says of its use. @param {string} name @param {string | null} words */
  async function asks(name, words) {
    await page.getByRole("button", { name: `Delete ${name}` }).click();
    await says(ask, "This action cannot be undone.");
    if (words) await says(ask, words);
    else assert.equal(await used.count(), 0);
    await ask.getByRole("button", { name: "Cancel" }).click();
    await isGone(ask);
  }
  await page.reload();
  await asks("Busy", "It was last used within the hour.");
  await asks("Idle", null);
  await asks("Sandbox", null);
  await later(3 * HOUR);
  await asks("Busy", "It was last used 3 hours ago.");
  await choose(page, "Busy", "Delete");
  await says(ask, "It was last used 3 hours ago.");
  await page.keyboard.press("Escape");
  await later(22 * HOUR);
  await asks("Busy", null);
});

test("a menu stays at its button when the window gets another size", async (t) => {
  const { page } = await admin(t);
  await withKeys(page, "Turned");
  await more(page, "Turned").click();
  const menu = page.getByRole("menu");
  await menu.waitFor();
  await page.setViewportSize({ width: 375, height: 812 });
  await until("the menu right above its button, or right below", async () => {
    const at = await menu.boundingBox();
    const button = await more(page, "Turned").boundingBox();
    if (!at || !button || at.x + at.width > 375) return false;
    const gaps = [at.y - button.y - button.height, button.y - at.y - at.height];
    return gaps.some((gap) => Math.round(gap) === 6);
  });
});
