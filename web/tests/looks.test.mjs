// How it looks and reaches everybody: arrangement, colours, sizes, words at the edge, and what is
// there before and without the JavaScript.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  allow,
  askForCode,
  focusOn,
  hold,
  launch,
  logIn,
  newPage,
  pictured,
  pointAt,
  says,
  startDesk,
  still,
  typeCode,
} from "./support.mjs";

/** @import { TestContext } from "node:test" */
/** @import { Locator, Page } from "playwright-core" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  desk = await startDesk();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await desk?.stop();
});

/** @param {Page} page @param {string} title */
const section = (page, title) => page.getByRole("region", { name: title });

let accounts = 0;

/**
 * The page of an admin of an account of its own, with everything there.
 *
 * @param {TestContext} t
 * @param {import("./support.mjs").PageOptions & { key_limit?: number }} [options]
 */
async function admin(t, { key_limit = 10, ...options } = {}) {
  accounts += 1;
  const email = `ada@looks-${accounts}.example.com`;
  await desk.register({ name: "Northwind Audio", admin_email: email, key_limit });
  const page = await newPage(browser, desk, { t, ...options });
  await logIn(page, desk, email);
  await says(page, "Sandbox ready");
  await page.getByRole("rowheader", { name: email }).waitFor();
  return page;
}

/** @param {Locator} place */
async function box(place) {
  const found = await place.boundingBox();
  assert.ok(found, `${place} is not to be seen`);
  return found;
}

test("a tooltip stays while the pointer is on it, and in the window; Escape closes it alone", async (t) => {
  const page = await admin(t, { viewport: { width: 375, height: 812 } });
  const tooltip = page.locator(".tooltip");
  const trash = page.getByRole("button", { name: "Delete Sandbox" });
  await pointAt(trash);
  await says(tooltip, "Delete Sandbox");
  const { x, width } = await box(tooltip);
  assert.ok(x >= 0 && x + width <= 375, "it lies in the window");
  await tooltip.hover();
  await says(tooltip, "Delete Sandbox");
  await page.mouse.move(0, 0);
  await tooltip.waitFor({ state: "detached" });

  await page.getByRole("button", { name: "New API Key" }).click();
  await page.getByLabel("Name").fill("Zapier Integration");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Save your new API key" });
  await dialog.waitFor();
  await page.keyboard.press("Tab");
  await focusOn(page.getByRole("button", { name: "Show key" }));
  await says(tooltip, "Show key");
  await page.keyboard.press("Escape");
  await tooltip.waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await page.getByRole("alertdialog", { name: "Close without saving the key?" }).waitFor();
});

/**
 * What is drawn as the screen's one next step.
 *
 * @param {Page} page
 */
const primaries = (page) => page.locator(".button.primary").allTextContents();

test("a screen has one primary button: New API Key; inside a dialog, its own", async (t) => {
  const page = await admin(t);
  assert.deepEqual(await primaries(page), ["New API Key"]);
  await desk.productApi("rejecting");
  await page.getByRole("button", { name: "Test Connection" }).click();
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).waitFor();
  assert.deepEqual(await primaries(page), ["New API Key"]);
  await desk.productApi("up");
  await page.getByRole("button", { name: "Add member" }).click();
  const dialog = page.getByRole("dialog");
  assert.deepEqual(await dialog.locator(".button.primary").allTextContents(), ["Send invitation"]);
});

/**
 * A style's value as it is now, once nothing changes any more.
 *
 * @param {Locator} place
 * @param {string} property
 */
async function styled(place, property) {
  await still(place.page());
  return place.evaluate(
    (element, name) => getComputedStyle(element).getPropertyValue(name),
    property,
  );
}

test("a field in error is red at its edge, also while it has the focus", async (t) => {
  const page = await newPage(browser, desk, { t, allow: ["POST /api/login/verify 401"] });
  await page.goto(desk.url);
  const email = page.getByLabel("E-mail");
  await email.fill("somebody");
  await page.getByRole("checkbox", { name: /terms/ }).click();
  await page.getByRole("button", { name: "Send Code" }).click();
  const error = page.getByText("Enter a valid e-mail address");
  await error.waitFor();
  const red = await styled(error, "color");
  await focusOn(email);
  for (const edge of ["border-top-color", "outline-color"])
    assert.equal(await styled(email, edge), red, edge);

  await askForCode(page, "somebody@example.com");
  await typeCode(page, "000000");
  await says(page, "That is not the code");
  await focusOn(page.getByLabel("Digit 1 of 6"));
  for (const edge of ["border-top-color", "outline-color"])
    assert.equal(await styled(page.getByLabel("Digit 1 of 6"), edge), red, edge);
});

test("a button at work keeps its words, its size and its place", async (t) => {
  const page = await newPage(browser, desk, { t });
  await page.goto(desk.url);
  await page.getByLabel("E-mail").fill("busy@example.com");
  await page.getByRole("checkbox", { name: /terms/ }).click();
  const button = page.getByRole("button", { name: "Send Code" });
  const before = await box(button);
  const answer = await hold(page, "**/api/login/code");
  await button.click();
  const busy = page.locator(".button[aria-busy]");
  await busy.waitFor();
  assert.equal(await styled(busy.locator(".button-label"), "opacity"), "1");
  assert.deepEqual(await box(button), before);
  await answer();
  await page.getByRole("heading", { name: "Enter your code" }).waitFor();
});

test("a toast covers no button: not a dialog's, and the page's can be brought clear of it", async (t) => {
  const page = await admin(t, { viewport: { width: 320, height: 700 } });
  allow(page, "POST /api/sandbox/test failed");
  await page.route("**/api/sandbox/test", (route) => route.abort("connectionreset"));
  await page.getByRole("button", { name: "Test Connection" }).click();
  const toast = page.locator(".toast");
  await says(toast, "No answer came back.");
  await page.getByRole("button", { name: "Dismiss" }).hover();

  await still(page);
  for (const button of await page.locator("main .button, main .icon-button").all()) {
    await button.focus();
    await pictured(page);
    const { y: top, height } = await box(button);
    assert.ok(top + height <= (await box(toast)).y, `${button} is under the toast`);
  }

  await page.getByRole("button", { name: "New API Key" }).click();
  await page.getByRole("dialog").waitFor();
  await still(page);
  const { y } = await box(toast);
  for (const name of ["Cancel", "Create Key"]) {
    const { y: top, height } = await box(page.getByRole("button", { name, exact: true }));
    assert.ok(top + height <= y, `${name} is under the toast`);
  }
});

/** @param {Locator} place */
async function bottom(place) {
  const { y, height } = await box(place);
  return y + height;
}

for (const width of [375, 768, 1280]) {
  test(`nothing is kept free for what is not there (${width} px)`, async (t) => {
    const viewport = { width, height: 812 };
    const visitor = await newPage(browser, desk, { t, viewport });
    await visitor.goto(desk.url);
    const send = visitor.getByRole("button", { name: "Send Code" });
    const card = visitor.locator(".login-card");
    assert.ok((await bottom(card)) - (await bottom(send)) <= 40, "below the login's last button");

    const page = await admin(t, { viewport });
    const sandbox = section(page, "Sandbox status");
    const places = [
      sandbox.getByText(/responding correctly/),
      sandbox.getByText(/Last validated/),
      sandbox.getByRole("button", { name: "Test Connection" }),
    ];
    const last = Math.max(...(await Promise.all(places.map(bottom))));
    assert.ok((await bottom(sandbox)) - last <= 24, "below the Sandbox's last line");
    const { height } = await box(sandbox);
    assert.ok(height < (await box(section(page, "API keys"))).height, "a strip, no block");
  });

  test(`a validation moves nothing below it (${width} px)`, async (t) => {
    const page = await admin(t, { viewport: { width, height: 812 } });
    const keys = section(page, "API keys");
    const before = await box(keys);
    const answer = await hold(page, "**/api/sandbox/test");
    await page.getByRole("button", { name: "Test Connection" }).click();
    await says(page, "Validating connection…");
    assert.deepEqual(await box(keys), before);
    await answer();
    await says(page, "The reserved key works.");
    assert.deepEqual(await box(keys), before);
  });
}

test("the Sandbox key's row says Sandbox once, as its badge", async (t) => {
  const page = await admin(t);
  const row = page.getByRole("rowheader", { name: "Sandbox" });
  const [name] = (await row.innerText()).split("\n");
  assert.equal(name, "Sandbox");
  assert.equal(await row.getByText("Sandbox", { exact: true }).count(), 1);
  assert.equal(await row.locator(".badge").innerText(), "Sandbox");
});
