// What all dialogs have in common: what opens them once does not close them, what leads out of them
// without deciding anything, and what is asked before something is lost.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isGone, launch, logIn, newPage, onTop, pictured, startDesk } from "./support.mjs";

/** @import { Locator, Page } from "playwright-core" */
/** @import { TestContext } from "node:test" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;
let accounts = 0;

before(async () => {
  desk = await startDesk();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await desk?.stop();
});

/**
 * The page of an admin with an account of their own, a key and a colleague.
 *
 * @param {TestContext} t
 * @param {import("./support.mjs").PageOptions} [options]
 */
async function admin(t, options = {}) {
  accounts += 1;
  const email = `admin-${accounts}@dialogs.example.com`;
  const colleague = `colleague-${accounts}@dialogs.example.com`;
  await desk.register({ name: `Account ${accounts}`, admin_email: email });
  const page = await newPage(browser, desk, { t, ...options });
  await logIn(page, desk, email);
  const headers = { origin: desk.url };
  await page.request.post("/api/keys", { data: { name: "Backend" }, headers });
  await page.request.post("/api/team", { data: { email: colleague }, headers });
  await page.evaluate(() => window.dispatchEvent(new Event("visibilitychange")));
  for (const name of ["Sandbox", "Backend", colleague]) await row(page, name).waitFor();
  return { page, colleague };
}

/** @param {Page} page @param {string} name */
const row = (page, name) => page.getByRole("rowheader", { name });

/** @param {Page} page @param {string} name */
const button = (page, name) => page.getByRole("button", { name, exact: true });

/** @param {Page} page @param {string} name */
const dialog = (page, name) => page.getByRole("dialog", { name });

/** @param {Page} page @param {string | RegExp} name */
const question = (page, name) => page.getByRole("alertdialog", { name });

/**
 * A double click as slow as people's, on the first place and then wherever the pointer is moved:
 * whatever the first half does is done before the second half comes.
 *
 * @param {Locator} first
 * @param {Locator} opened  what the first half brings
 * @param {Locator} [second]  what has come to lie under the pointer
 */
async function doubleClick(first, opened, second) {
  const page = first.page();
  await first.click();
  await onTop(opened);
  // Whatever listens to the next press does so by then.
  await pictured(page);
  if (second) await moveTo(second);
  await page.mouse.down({ clickCount: 2 });
  await page.mouse.up({ clickCount: 2 });
}

/** The pointer, without looking whether something lies over the place. @param {Locator} place */
async function moveTo(place) {
  const box = await place.boundingBox();
  assert.ok(box);
  await place.page().mouse.move(box.x + box.width / 2, box.y + box.height / 2);
}

test("a double click opens a dialog, and does not close it again", async (t) => {
  const { page, colleague } = await admin(t);
  for (const [opens, opened] of /** @type {const} */ ([
    ["New API Key", dialog(page, "New API key")],
    ["Add member", dialog(page, "Add member")],
    ["Delete Backend", question(page, "Delete “Backend”?")],
    [`Revoke access of ${colleague}`, question(page, `Revoke access of ${colleague}?`)],
  ])) {
    await doubleClick(button(page, opens), opened);
    await button(page, "Cancel").click();
    await opened.waitFor({ state: "hidden" });
  }
});

test("the second half of a double click decides nothing, wherever it falls", async (t) => {
  const { page } = await admin(t);
  const trash = button(page, "Delete Backend");
  const ask = question(page, "Delete “Backend”?");
  const { x, y } = (await trash.boundingBox()) ?? assert.fail();
  await doubleClick(trash, ask, button(page, "Delete key"));
  await button(page, "Cancel").click();
  await isGone(ask);
  await page.mouse.move(x + 5, y + 5);
  await page.mouse.down({ clickCount: 2 });
  await page.mouse.up({ clickCount: 2 });
  assert.equal(await page.getByRole("alertdialog").count(), 0);
  await row(page, "Backend").waitFor();
});

test("a press that ends beside a dialog, or begins there, does not close it", async (t) => {
  const { page } = await admin(t);
  const opened = dialog(page, "New API key");
  await button(page, "New API Key").click();
  await onTop(opened);
  for (const [from, to] of /** @type {const} */ ([
    [opened.getByLabel("Name"), null],
    [null, opened.getByLabel("Name")],
  ])) {
    await (from ? moveTo(from) : page.mouse.move(5, 5));
    await page.mouse.down();
    await (to ? moveTo(to) : page.mouse.move(5, 5));
    await page.mouse.up();
  }
  await button(page, "Cancel").click();
  await button(page, "New API Key").click();
  await onTop(opened);
  await page.mouse.click(5, 5);
  await isGone(opened);
});
