// The console in a browser that translates it: in the place of each text that comes or changes, it
// puts elements with another text. And what is left of a page whose elements somebody else took
// away, so that React fails: never less than a key that is shown once.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  askForCode,
  atConsole,
  atLogin,
  clipboard,
  comeBack,
  deskAndBrowser,
  isGone,
  newPage,
  says,
  typeCode,
  until,
  use,
} from "./support.mjs";

/** @import { Page } from "playwright-core" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

deskAndBrowser((...both) => ([desk, browser] = both));

/**
 * Translates as Chrome does, into the same language. Runs in the page.
 */
function translate() {
  const font = () => {
    const element = document.createElement("font");
    element.style.verticalAlign = "inherit";
    return element;
  };
  /** @param {Node} root */
  function take(root) {
    const texts = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.currentNode; node; node = walker.nextNode() ?? document) {
      if (node === document) break;
      if (node.nodeType === Node.TEXT_NODE) texts.push(node);
    }
    for (const text of texts) {
      const place = text.parentElement;
      if (!place || place.closest("head, script, [translate=no]")) continue;
      if (place.nodeName === "FONT" || !text.nodeValue?.trim()) continue;
      const outer = font();
      outer.append(font());
      outer.firstElementChild?.append(text.nodeValue);
      text.parentNode?.replaceChild(outer, text);
    }
  }
  new MutationObserver((changes) => {
    for (const { addedNodes, target } of changes)
      for (const node of addedNodes.length ? addedNodes : [target]) take(node);
  }).observe(document, { childList: true, characterData: true, subtree: true });
}

/** @param {Page} page @param {string} name */
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

/** @param {Page} page @param {string} name */
const row = (page, name) => page.getByRole("rowheader", { name });

/** @param {Page} page @param {string} name */
const block = (page, name) => page.getByRole("region", { name });

/** @param {Page} page @param {string} name */
async function create(page, name) {
  await press(page, "New API Key");
  await page.getByRole("dialog").getByLabel("Name").fill(name);
  for (const [choice, words] of /** @type {const} */ ([
    ["30 days", /^Expires on .*, at the end of the day\.$/],
    ["A date", /^Expires on .*, at the end of the day\.$/],
    ["Never", "It works until it is deleted."],
  ])) {
    await page.getByLabel("Expiry").selectOption({ value: choice });
    await says(page.getByRole("dialog"), words);
  }
  await press(page, "Create Key");
  await page.getByRole("dialog", { name: "Save your new API key" }).waitFor();
}

test("a page that is translated goes the whole way, and shows what changes", async (t) => {
  const email = "translated@example.com";
  const someone = "someone@example.com";
  const limits = { per_month: 50, per_minute: 600 };
  await desk.register({ name: "Translated", admin_email: email, member_limit: 5, limits });
  const page = await newPage(browser, desk, { t });
  await page.clock.install();
  await page.addInitScript(translate);
  await page.goto(desk.url);
  await atLogin(page);
  assert.ok(await page.locator("h1 > font > font").count(), "it is translated");

  await askForCode(page, email);
  await says(page.getByRole("timer"), /^Expires in (3:00|2:5\d)$/);
  await page.clock.fastForward(60_000);
  await says(page.getByRole("timer"), /^Expires in (2:00|1:5\d)$/);
  await press(page, "Resend code");
  await says(page, "A new code is on its way.");
  await says(page.getByRole("timer"), /^Expires in (3:00|2:5\d)$/);
  await desk.codeFor(email);
  await typeCode(page, await desk.codeFor(email));
  await atConsole(page);
  await says(block(page, "Sandbox status"), "Sandbox ready");
  await says(block(page, "API keys"), "1 / 10");

  await create(page, "Of a translated page");
  const viewer = page.getByRole("dialog", { name: "Save your new API key" });
  await press(page, "Copy key");
  await says(viewer, "Copied to the clipboard.");
  await press(page, "Show key");
  const key = (await viewer.locator("code[translate=no]").first().textContent()) ?? "";
  assert.equal((await desk.callProduct(key)).status, 200);
  assert.equal(await clipboard(page), key);
  await press(page, "Hide key");
  await press(page, "Copy key");
  await page.keyboard.press("Escape");
  await press(page, "Back to the key");
  await page.getByRole("checkbox").click();
  await press(page, "Got it, I saved it");
  await row(page, "Of a translated page").waitFor();
  await says(block(page, "API keys"), "2 / 10");
  for (const item of ["Rename", "Change expiry"]) {
    await press(page, "More actions for Of a translated page");
    await page.getByRole("menuitem", { name: item }).click();
    await page.getByRole("dialog").getByRole("button", { name: item }).click();
    await isGone(page.getByRole("dialog"));
  }
  await press(page, "More actions for Of a translated page");
  await page.getByRole("menuitem", { name: "Rotate" }).click();
  for (const choice of ["At once", "After 1 hour", "At once"])
    await page.getByRole("combobox").selectOption({ value: choice });
  await says(page.getByRole("dialog"), "Everything that calls the API with this key fails");
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  await says(page.getByRole("dialog"), "The old value does not work any more.");
  await page.getByRole("checkbox").click();
  await press(page, "Got it, I saved it");
  await isGone(page.getByRole("dialog"));
  await press(page, "Delete Of a translated page");
  await says(page.getByRole("alertdialog"), "It was last used");
  await press(page, "Delete key");
  await isGone(row(page, "Of a translated page"));
  await says(block(page, "API keys"), "1 / 10");

  await says(block(page, "Team"), "1 / 5");
  await press(page, "Add member");
  await page.getByLabel("E-mail").fill("nobody");
  await press(page, "Send invitation");
  await says(page.getByRole("dialog"), "Enter an e-mail address, such as");
  allow(page, "POST /api/team 409");
  for (const registered of [email, `${email} admin@example.com`, email]) {
    await page.getByLabel("E-mail").fill(registered);
    await press(page, "Send invitation");
    await says(page.getByRole("alert"), registered === email ? "belongs to" : "Not invited: 2");
  }
  await page.getByLabel("E-mail").fill(someone);
  await page.getByLabel("Role").selectOption({ value: "Admin" });
  await says(page.getByRole("dialog"), "Admins manage API keys and members");
  await press(page, "Send invitation");
  await says(block(page, "Team"), "2 / 5");
  await says(block(page, "Team"), "Pending");
  await press(page, `More actions for ${someone}`);
  await page.getByRole("menuitem", { name: "Make a member" }).click();
  await press(page, "Make a member");
  await says(page, `${someone} is a member now.`);
  await says(block(page, "Team"), "A second one is wise");
  await press(page, `Revoke access of ${someone}`);
  await press(page, "Revoke access");
  await isGone(row(page, someone));
  await says(block(page, "Team"), "1 / 5");

  for (const [calls, words] of /** @type {const} */ ([
    [39, "Starts anew on"],
    [40, "80% used"],
    [41, "82% used"],
  ])) {
    await use(page, desk, calls);
    await says(block(page, "Usage"), `${calls} of 50 calls this month`);
    await says(block(page, "Usage"), words);
  }

  await press(page, "Show activity");
  const activity = block(page, "Activity");
  await says(activity, `revoked the access of`);
  for (const kind of ["Team", "API keys", "Everything"]) {
    await activity.getByRole("combobox").selectOption({ value: kind });
    await says(activity, kind === "API keys" ? "created the key" : "changed the role of");
  }
  await press(page, "Hide activity");
  await says(activity, "Who did what in this account.");

  await press(page, "Your access");
  await desk.session(email);
  await page.getByRole("menuitem", { name: "Where you are logged in" }).click();
  await press(page, "End all others");
  await says(page, "You are logged in here alone.");
  await press(page, "Close");
  await isGone(page.getByRole("dialog"));
  await press(page, "Your access");
  await page.getByRole("menuitem", { name: "Leave this account" }).click();
  allow(page, "DELETE /api/team/me 409");
  await press(page, "Leave");
  await says(page.getByRole("alertdialog"), "Make somebody one first.");
  await press(page, "Cancel");
  await isGone(page.getByRole("alertdialog"));

  for (const [mode, button, state] of /** @type {const} */ ([
    ["rejecting", "Test Connection", "Sandbox not configured"],
    ["up", "Retry Auto-Configuration", "Sandbox ready"],
    ["up", "Test Connection", "Validating connection…"],
  ])) {
    await desk.productApi(mode);
    await press(page, button);
    await says(block(page, "Sandbox status"), state);
    await page.clock.fastForward(1_000);
  }
  await says(block(page, "Sandbox status"), "Sandbox ready");
  await press(page, "Log out");
  await says(page, "You are logged out.");
});

test("a key that is shown once outlives whatever fails on the page or in its dialog", async (t) => {
  const email = "outlives@example.com";
  await desk.register({ name: "Outlives", admin_email: email });
  const page = await newPage(browser, desk, { t });
  await page.goto(desk.url);
  await askForCode(page, email);
  await typeCode(page, await desk.codeFor(email));
  await atConsole(page);
  await row(page, "Sandbox").waitFor();
  const viewer = page.getByRole("dialog", { name: "Save your new API key" });
  /** Somebody else takes an element away, and React is to do so next. */
  const takeAway = (/** @type {string} */ selector) =>
    page.evaluate((place) => document.querySelector(place)?.remove(), selector);
  const failed = { times: 0 };
  page.on("console", (message) => (failed.times += message.type() === "error" ? 1 : 0));
  page.on("pageerror", () => (failed.times += 1));
  allow(page, /^console: .*(removeChild|insertBefore)/s);

  await create(page, "Shown once");
  // The page below: what it shows while the list is loading, and not after.
  await takeAway("#api-keys tbody tr");
  await page.request.delete(
    `/api/keys/${(await (await page.request.get("/api/keys")).json()).keys[0].id}`,
    { headers: { origin: desk.url } },
  );
  await comeBack(page);
  await until("the fault of the page", async () => failed.times > 0);
  await viewer.waitFor();

  for (let time = 0; time < 5; time += 1) {
    failed.times = 0;
    await takeAway("[role=dialog] .visually-hidden");
    const show = page.getByRole("button", { name: "Show key" });
    if ((await show.count()) === 0) break;
    await show.click();
    await until("the fault of the dialog", async () => failed.times > 0);
  }
  const key = (await page.getByRole("dialog").locator("code").first().textContent()) ?? "";
  assert.equal((await desk.callProduct(key)).status, 200);
  await page.getByRole("dialog").getByRole("button").last().click();
  await isGone(page.getByRole("dialog"));
  assert.ok(!(await page.content()).includes(key));
});
