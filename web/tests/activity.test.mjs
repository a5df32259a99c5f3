// The block "Activity": what happened in the account, for admins who open it.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  atRest,
  comeBack,
  deskAndBrowser,
  focusOn,
  isGone,
  logIn,
  newPage,
  says,
  until,
} from "./support.mjs";

/** @import { Page } from "playwright-core" */
/** @import { TestContext } from "node:test" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

deskAndBrowser((...both) => ([desk, browser] = both));

/** The page of an admin with an account of their own. @param {TestContext} t */
async function admin(t) {
  const page = await newPage(browser, desk, { t });
  await logIn(page, desk, await desk.newAdmin());
  await page.getByRole("rowheader", { name: "Sandbox" }).waitFor();
  await atRest(page);
  return page;
}

/** @param {Page} page */
const block = (page) => page.getByRole("region", { name: "Activity" });

/** @param {Page} page */
const events = (page) => block(page).getByRole("listitem");

/** @param {Page} page @param {string} name */
const press = (page, name) => block(page).getByRole("button", { name }).click();

/** What the page asks for. @param {Page} page */
function asked(page) {
  /** @type {string[]} */
  const queries = [];
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    if (pathname === "/api/activity") queries.push(search);
  });
  return queries;
}

/** @param {Page} page @param {string} method @param {string} path @param {unknown} [data] */
async function call(page, method, path, data) {
  const headers = { origin: desk.url };
  const answer = await page.request.fetch(path, { method, headers, data });
  assert.ok(answer.ok(), `${method} ${path}: ${answer.status()}`);
  const text = await answer.text();
  return text === "" ? undefined : JSON.parse(text);
}

/** Makes a key, and so many events of it, each of which names it otherwise. */
async function rename(/** @type {Page} */ page, /** @type {number} */ times) {
  const { key } = await call(page, "POST", "/api/keys", { name: "Name 0" });
  for (let time = 1; time <= times; time += 1)
    await call(page, "PATCH", `/api/keys/${key.id}`, { name: `Name ${time}` });
}

test("it is closed, and not fetched, until it is opened; then the newest is first", async (t) => {
  const page = await admin(t);
  const queries = asked(page);
  await page.reload();
  await page.getByRole("rowheader", { name: "Sandbox" }).waitFor();
  await says(block(page), "Who did what in this account.");
  assert.equal(await events(page).count(), 0);
  await call(page, "POST", "/api/keys", { name: "iOS App" });
  await call(page, "POST", "/api/keys", { name: "Zapier" });
  assert.deepEqual(queries, []);

  await press(page, "Show activity");
  await says(events(page).first(), "You created the key “Zapier”");
  await says(events(page).nth(1), "You created the key “iOS App”");
  assert.deepEqual(queries, [""]);
  await focusOn(block(page).getByRole("button", { name: "Hide activity", expanded: true }));
  await press(page, "Hide activity");
  await isGone(events(page).first());
});

test("each event is told in words, with who did it and what it was called", async (t) => {
  const page = await admin(t);
  const someone = desk.newAddress("someone");
  const guest = desk.newAddress("guest");
  const { key } = await call(page, "POST", "/api/keys", { name: "Zapier" });
  const own = `/api/keys/${key.id}`;
  await call(page, "PATCH", own, { name: "Make" });
  await call(page, "PATCH", own, { expires_at: new Date(Date.now() + 9e8).toISOString() });
  await call(page, "POST", `${own}/rotate`, {});
  await call(page, "DELETE", own);
  const { member } = await call(page, "POST", "/api/team", { email: someone, role: "admin" });
  await call(page, "POST", `/api/team/${member.id}/invitation`);
  const api = desk.api(await desk.session(someone));
  await api("POST", "/api/team", { email: guest });
  await api("POST", "/api/sandbox/key");
  await api("DELETE", "/api/sessions");
  await call(page, "PATCH", `/api/team/${member.id}`, { role: "member" });
  await api("POST", "/api/logout");
  await call(page, "DELETE", `/api/team/${member.id}`);
  const [, invitation] = /#invitation=(\S+)/.exec((await desk.invitationFor(guest)).text) ?? [];
  await desk.api("")("POST", "/api/invitation/decline", { invitation });

  await press(page, "Show activity");
  for (const words of [
    `${guest} declined the invitation of ${guest}`,
    `You revoked the access of ${someone}`,
    `${someone} logged out`,
    `You changed the role of ${someone}`,
    `${someone} copied the Sandbox key`,
    `${someone} invited ${guest}`,
    `${someone} logged in`,
    `You had an invitation mailed again to ${someone}`,
    `You invited ${someone}`,
    "You deleted the key “Make”",
    "You rotated the key “Make”",
    "You changed the expiry of the key “Make”",
    "You renamed the key “Zapier”",
    "You created the key “Zapier”",
    "The system validated the Sandbox: it is ready",
    "The system created the Sandbox key",
    "You logged in",
    "The provider created the account",
  ])
    await events(page).filter({ hasText: words }).first().waitFor();
});

test("a page at a time is shown, every event once, until nothing older is kept", async (t) => {
  const page = await admin(t);
  await rename(page, 30);
  await press(page, "Show activity");
  await until("a page", async () => (await events(page).count()) === 25);
  const more = block(page).getByRole("button", { name: "Show more" });
  await more.focus();
  await more.press("Enter");
  const end = block(page).getByText("Nothing older is kept.");
  await focusOn(end);
  const renamed = events(page).filter({ hasText: "You renamed the key" });
  assert.deepEqual(
    (await renamed.locator("p").allTextContents()).map((text) => text.replace(/.*“(.*)”/, "$1")),
    Array.from({ length: 30 }, (_, time) => `Name ${29 - time}`),
  );
});

test("two clicks at once on Show more ask for one page", async (t) => {
  const page = await admin(t);
  await rename(page, 55);
  await press(page, "Show activity");
  await until("a page", async () => (await events(page).count()) === 25);
  const queries = asked(page);
  await block(page)
    .getByRole("button", { name: "Show more" })
    .evaluate((/** @type {HTMLElement} */ button) => {
      button.click();
      button.click();
    });
  await until("another page", async () => (await events(page).count()) === 50);
  assert.equal(queries.length, 1);
});

test("events of one kind are shown alone", async (t) => {
  const page = await admin(t);
  await rename(page, 1);
  await call(page, "POST", "/api/team", { email: desk.newAddress("someone") });
  await press(page, "Show activity");
  for (const [kind, words, count] of /** @type {const} */ ([
    ["API keys", "You renamed the key", 2],
    ["Team", "You invited", 1],
    ["Logins", "You logged in", 1],
    ["Account", "created the account", 1],
  ])) {
    await block(page).getByLabel("Show").selectOption(kind);
    await events(page).filter({ hasText: words }).waitFor();
    assert.equal(await events(page).count(), count, kind);
  }
  await block(page).getByLabel("Show").selectOption("Sandbox");
  await events(page).filter({ hasText: "created the Sandbox key" }).waitFor();
  assert.equal(await events(page).filter({ hasText: "You" }).count(), 0);
});

test("while it is open it stays true, as all of the page does", async (t) => {
  const page = await admin(t);
  await rename(page, 26);
  await press(page, "Show activity");
  await press(page, "Show more");
  await says(block(page), "Nothing older is kept.");
  const before = await events(page).count();
  await call(page, "POST", "/api/keys", { name: "Zapier" });
  await comeBack(page);
  await says(events(page).first(), "You created the key “Zapier”");
  assert.equal(await events(page).count(), before + 1);
});

test("what cannot be loaded says so, and can be tried again", async (t) => {
  const page = await admin(t);
  await rename(page, 26);
  allow(page, "GET /api/activity failed");
  await page.route("**/api/activity", (route) => route.abort("connectionreset"));
  await press(page, "Show activity");
  await says(block(page).getByRole("alert"), "No answer came back.");
  await page.unroute("**/api/activity");
  await press(page, "Retry");
  await until("a page", async () => (await events(page).count()) === 25);
  await page.route("**/api/activity?before=*", (route) => route.abort("connectionreset"));
  await press(page, "Show more");
  await says(page, "No answer came back.");
  assert.equal(await events(page).count(), 25);
  await page.unroute("**/api/activity?before=*");
  await press(page, "Show more");
  await says(block(page), "Nothing older is kept.");
});

test("members see nothing of it, and nothing of it is fetched for them", async (t) => {
  const page = await admin(t);
  const someone = desk.newAddress("someone");
  await call(page, "POST", "/api/team", { email: someone });
  const theirs = await newPage(browser, desk, { t });
  const queries = asked(theirs);
  await logIn(theirs, desk, someone);
  await theirs.getByRole("rowheader", { name: "Sandbox" }).waitFor();
  await comeBack(theirs);
  await says(theirs, "You can see the keys; an admin manages them.");
  assert.equal(await theirs.getByText("Activity").count(), 0);
  assert.deepEqual(queries, []);
  assert.equal((await theirs.request.get("/api/activity")).status(), 403);
});
