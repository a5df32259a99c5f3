// How it looks and reaches everybody: arrangement, colours, sizes, words at the edge, and what is
// there before and without the JavaScript.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { focusOn, launch, logIn, newPage, pointAt, says, startDesk } from "./support.mjs";

/** @import { TestContext } from "node:test" */
/** @import { Locator } from "playwright-core" */

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
