// The link of an invitation: it leads to the login, changes nothing by itself, and can be declined.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  atConsole,
  atLogin,
  axe,
  deskAndBrowser,
  focusOn,
  logIn,
  newPage,
  says,
} from "./support.mjs";

/** @import { Page } from "playwright-core" */
/** @import { TestContext } from "node:test" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;
let accounts = 0;

deskAndBrowser((...both) => ([desk, browser] = both));

/**
 * The page of an admin with an account of their own, who has invited somebody, and the link of the
 * mail.
 *
 * @param {TestContext} t
 * @param {string} email
 */
async function invited(t, email) {
  accounts += 1;
  const own = `admin-${accounts}@link.example.com`;
  await desk.register({ name: `Account ${accounts}`, admin_email: own });
  const admin = await newPage(browser, desk, { t });
  await logIn(admin, desk, own);
  const answer = await admin.request.post("/api/team", {
    data: { email },
    headers: { origin: desk.url },
  });
  assert.equal(answer.status(), 201);
  const { text } = await desk.invitationFor(email);
  const link = text.split(/\s/).find((word) => word.includes("#invitation=")) ?? "";
  assert.ok(link.startsWith(`${desk.url}/#invitation=`), text);
  return { admin, link, token: link.slice(link.indexOf("=") + 1) };
}

/** @param {Page} admin */
const members = async (admin) => (await (await admin.request.get("/api/team")).json()).count;

test("the link leads to the login, is taken out of the address, and goes along", async (t) => {
  const { admin, link, token } = await invited(t, "ada@link.example.com");
  const page = await newPage(browser, desk, { t });
  await page.goto(link);
  await atLogin(page);
  await says(page, "You are invited.");
  assert.equal(page.url(), `${desk.url}/`);
  await axe(page);
  // Not in the history either, and still known after a reload.
  await page.reload();
  await says(page, "You are invited.");
  const asked = page.waitForRequest((request) => request.url().endsWith("/api/login/code"));
  await logIn(page, desk, "ada@link.example.com");
  assert.equal((await asked).postDataJSON().invitation, token);
  assert.equal(await members(admin), 2);
  // Accepted: nothing is left of it in the browser.
  const kept = await page.evaluate(() => JSON.stringify([location.href, { ...sessionStorage }]));
  assert.ok(!kept.includes("inv_"), kept);
  await page.getByRole("button", { name: "Log out" }).click();
  await atLogin(page);
  assert.equal(await page.getByRole("button", { name: "Decline this invitation" }).count(), 0);
});

test("an invitation is declined once that is confirmed, and it is said to be done", async (t) => {
  const { admin, link } = await invited(t, "grace@link.example.com");
  const before = await members(admin);
  const page = await newPage(browser, desk, { t });
  await page.goto(link);
  const decline = page.getByRole("button", { name: "Decline this invitation" });
  await decline.click();
  const dialog = page.getByRole("alertdialog", { name: "Decline this invitation?" });
  await dialog.waitFor();
  await axe(page);
  await dialog.getByRole("button", { name: "Keep it" }).click();
  await dialog.waitFor({ state: "hidden" });
  assert.equal(await members(admin), before);
  await decline.click();
  await dialog.getByRole("button", { name: "Decline", exact: true }).click();
  await says(page, "The invitation is declined.");
  await focusOn(page.getByLabel("E-mail"));
  assert.equal(await decline.count(), 0);
  assert.equal(await members(admin), before - 1);
  await axe(page);
});

test("a link that is opened where the login is open already is followed", async (t) => {
  const { link } = await invited(t, "linus@link.example.com");
  const page = await newPage(browser, desk, { t });
  await page.goto(desk.url);
  await atLogin(page);
  await page.evaluate(
    (hash) => {
      location.hash = hash;
    },
    link.slice(link.indexOf("#")),
  );
  await says(page, "You are invited.");
  await page.waitForURL(`${desk.url}/`);
});

test("who is logged in stays so, whatever link is opened", async (t) => {
  const { admin, link } = await invited(t, "edsger@link.example.com");
  const before = await members(admin);
  await admin.goto("about:blank");
  await admin.goto(link);
  await atConsole(admin);
  assert.equal(admin.url(), `${desk.url}/`);
  assert.equal(await members(admin), before);
});
