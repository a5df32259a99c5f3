// What all dialogs have in common: what opens them once does not close them, what leads out of them
// without deciding anything, and what is asked before something is lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  comeBack,
  deskAndBrowser,
  focusOn,
  hold,
  isGone,
  logIn,
  newPage,
  onTop,
  pictured,
  tookBack,
} from "./support.mjs";

/** @import { Locator, Page } from "playwright-core" */
/** @import { TestContext } from "node:test" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

deskAndBrowser((...both) => ([desk, browser] = both));

/**
 * The page of an admin with an account of their own, a key and a colleague.
 *
 * @param {TestContext} t
 * @param {import("./support.mjs").PageOptions} [options]
 */
async function admin(t, options = {}) {
  const colleague = desk.newAddress("colleague");
  const page = await newPage(browser, desk, { t, ...options });
  await logIn(page, desk, await desk.newAdmin());
  const headers = { origin: desk.url };
  await page.request.post("/api/keys", { data: { name: "Backend" }, headers });
  await page.request.post("/api/team", { data: { email: colleague }, headers });
  await comeBack(page);
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

/** What is asked before something that was typed is lost. @param {Page} page */
const discard = (page) => question(page, "Discard what you typed?");

/** Every way out of a dialog that is no button of it. */
const WAYS_OUT = /** @type {const} */ ({
  Escape: (/** @type {Page} */ page) => page.keyboard.press("Escape"),
  "a click beside it": (/** @type {Page} */ page) => page.mouse.click(5, 5),
  "the back button": (/** @type {Page} */ page) => page.goBack(),
});

for (const [way, leave] of Object.entries(WAYS_OUT)) {
  test(`what was typed is asked about before ${way} throws it away`, async (t) => {
    const { page } = await admin(t);
    for (const [opens, opened, label] of /** @type {const} */ ([
      ["New API Key", dialog(page, "New API key"), "Name"],
      ["Add member", dialog(page, "Add member"), "E-mail"],
    ])) {
      const field = opened.getByLabel(label);
      // Nothing is lost: nothing is asked.
      await button(page, opens).click();
      await onTop(opened);
      await leave(page);
      await isGone(opened);

      await button(page, opens).click();
      await field.fill("typed");
      await leave(page);
      await discard(page).getByRole("button", { name: "Keep editing" }).click();
      await onTop(opened);
      await focusOn(field);
      assert.equal(await field.inputValue(), "typed");
      await leave(page);
      await discard(page).getByRole("button", { name: "Discard" }).click();
      await isGone(opened);
      await focusOn(button(page, opens));

      await button(page, opens).click();
      assert.equal(await field.inputValue(), "", "it is discarded");
      // Cancel has said already what it does.
      await field.fill("typed");
      await button(page, "Cancel").click();
      await isGone(opened);
    }
  });
}

test("the back button closes what lies on top, and never leads off the page for it", async (t) => {
  const { page, colleague } = await admin(t);
  const before = await page.evaluate(() => history.length);
  for (const [opens, opened] of /** @type {const} */ ([
    ["New API Key", dialog(page, "New API key")],
    ["Add member", dialog(page, "Add member")],
    ["Delete Backend", question(page, "Delete “Backend”?")],
    ["Delete Sandbox", question(page, "Delete the Sandbox key?")],
    [`Revoke access of ${colleague}`, question(page, `Revoke access of ${colleague}?`)],
  ])) {
    await button(page, opens).click();
    await onTop(opened);
    await page.goBack();
    await isGone(opened);
    await focusOn(button(page, opens));
    // Forward, there is nothing to come back to.
    await page.goForward();
    await tookBack(page);
    assert.equal(await page.getByRole("dialog").or(page.getByRole("alertdialog")).count(), 0);
    // Nor does the way back grow with what is opened and closed.
    await button(page, opens).click();
    await button(page, "Cancel").click();
    await isGone(opened);
    await tookBack(page);
  }
  assert.ok((await page.evaluate(() => history.length)) <= before + 1);
});

test("the back button answers a question by no, and the dialog below goes on", async (t) => {
  const { page } = await admin(t);
  const opened = dialog(page, "New API key");
  await button(page, "New API Key").click();
  await opened.getByLabel("Name").fill("typed");
  for (let time = 0; time < 3; time += 1) {
    await page.goBack();
    await discard(page).waitFor();
    await onTop(discard(page));
    await page.goBack();
    await discard(page).waitFor({ state: "hidden" });
    await onTop(opened);
  }
  assert.equal(await opened.getByLabel("Name").inputValue(), "typed");
  await button(page, "Create Key").click();
  const viewer = dialog(page, "Save your new API key");
  const lose = question(page, "Close without saving the key?");
  await onTop(viewer);
  for (let time = 0; time < 2; time += 1) {
    await page.goBack();
    await onTop(lose);
    await page.goBack();
    await lose.waitFor({ state: "hidden" });
    await onTop(viewer);
  }
  await page.goBack();
  await lose.getByRole("button", { name: "Close anyway" }).click();
  await isGone(viewer);
  await tookBack(page);
  assert.equal(new URL(page.url()).pathname, "/");
  await row(page, "typed").waitFor();
});

test("the back button waits for what is under way, as Escape does", async (t) => {
  const { page } = await admin(t);
  const opened = dialog(page, "New API key");
  const answer = await hold(page, "**/api/keys");
  await button(page, "New API Key").click();
  await opened.getByLabel("Name").fill("Under way");
  await button(page, "Create Key").click();
  await page.getByRole("button", { name: "Create Key", disabled: true }).waitFor();
  await page.goBack();
  await page.keyboard.press("Escape");
  await page.goBack();
  await onTop(opened);
  await answer();
  await dialog(page, "Save your new API key").waitFor();
});

test("the question of whoever is invited is answered by no with the back button", async (t) => {
  const { colleague } = await admin(t);
  const mail = await desk.invitationFor(colleague);
  const [link = ""] = /http\S+#invitation=\S+/.exec(mail.text) ?? [];
  const page = await newPage(browser, desk, { t });
  await page.goto(link);
  await button(page, "Decline this invitation").click();
  const ask = question(page, "Decline this invitation?");
  await onTop(ask);
  await page.goBack();
  await isGone(ask);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
});
