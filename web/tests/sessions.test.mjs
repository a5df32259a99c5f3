// Where somebody is logged in: the list of one's own sessions, and what ends them.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  atLogin,
  atRest,
  deskAndBrowser,
  focusOn,
  isGone,
  logIn,
  newPage,
  pictured,
  requests,
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

const FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
const SAFARI =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 " +
  "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

/** @param {TestContext} t @param {string} email @param {string} userAgent */
async function loggedIn(t, email, userAgent) {
  const page = await newPage(browser, desk, { t, context: { userAgent }, allow: [/ 401$/] });
  await logIn(page, desk, email);
  await atRest(page);
  return page;
}

/** @param {Page} page */
const dialog = (page) => page.getByRole("dialog", { name: "Where you are logged in" });

/** @param {Page} page */
const rows = (page) => dialog(page).getByRole("listitem");

/** @param {Page} page @param {string} label */
const row = (page, label) => rows(page).filter({ hasText: label });

/** @param {Page} page @param {number} count */
async function open(page, count) {
  await page.getByRole("button", { name: "Your access" }).click();
  await page.getByRole("menuitem", { name: "Where you are logged in" }).click();
  await until("the rows", async () => (await rows(page).count()) === count);
}

test("a session says what it is, when it was opened and used, and if it is this one", async (t) => {
  const email = await desk.newAdmin();
  await loggedIn(t, email, FIREFOX);
  await desk.advance(60 * 60);
  const page = await loggedIn(t, email, SAFARI);
  await open(page, 2);
  await says(row(page, "Safari on iPhone"), "This one");
  assert.equal(await row(page, "Firefox on Windows").getByText("This one").count(), 0);
  assert.equal(await row(page, "Safari on iPhone").getByRole("button").count(), 0);
  const { sessions } = await (await page.request.get("/api/sessions")).json();
  const firefox = sessions.find((/** @type {{ current: boolean }} */ { current }) => !current);
  const times = row(page, "Firefox on Windows").locator("time");
  assert.deepEqual(
    await times.evaluateAll((all) => all.map((time) => time.getAttribute("datetime"))),
    [firefox.opened_at, firefox.used_at],
  );
  await page.keyboard.press("Escape");
  await isGone(dialog(page));
  await focusOn(page.getByRole("button", { name: "Your access" }));
});

test("a session is ended from another one, by a member, too", async (t) => {
  const email = desk.newAddress("member");
  const host = await loggedIn(t, await desk.newAdmin(), FIREFOX);
  await host.request.post("/api/team", { data: { email }, headers: { origin: desk.url } });
  const other = await loggedIn(t, email, FIREFOX);
  const page = await loggedIn(t, email, SAFARI);
  await open(page, 2);
  await page.getByRole("button", { name: "End session: Firefox on Windows" }).click();
  await says(page, "“Firefox on Windows” is logged out.");
  assert.equal(await rows(page).count(), 1);
  await focusOn(dialog(page));
  await other.getByRole("button", { name: "Test Connection" }).click();
  await atLogin(other);
  await page.reload();
  await says(page, "Sandbox ready");
});

test("all others are ended at once, and this one goes on", async (t) => {
  const email = await desk.newAdmin();
  const tokens = [await desk.session(email), await desk.session(email)];
  const page = await loggedIn(t, email, SAFARI);
  await open(page, 3);
  await dialog(page).getByRole("button", { name: "End all others" }).click();
  await says(page, "You are logged in here alone.");
  assert.equal(await rows(page).count(), 1);
  assert.equal(await dialog(page).getByRole("button", { name: "End all others" }).count(), 0);
  for (const token of tokens)
    assert.equal((await desk.api(token)("GET", "/api/session")).status, 401);
  await dialog(page).getByRole("button", { name: "Close" }).click();
  await isGone(dialog(page));
});

test("a double click ends one session, also where the next one has moved up", async (t) => {
  const email = await desk.newAdmin();
  await desk.session(email);
  await desk.session(email);
  const page = await loggedIn(t, email, SAFARI);
  await open(page, 3);
  const sent = requests(page, "DELETE");
  const first = await rows(page).nth(1).getByRole("button").boundingBox();
  const second = await rows(page).nth(2).getByRole("button").boundingBox();
  assert.ok(first && second);
  const { mouse } = page;
  await mouse.move(first.x + first.width / 2, first.y + first.height / 2);
  await mouse.down();
  await mouse.up();
  await until("the row to go", async () => (await rows(page).count()) === 2);
  const next = await rows(page).nth(1).getByRole("button").boundingBox();
  assert.ok(next);
  await mouse.move(next.x + next.width / 2, next.y + next.height / 2);
  await mouse.down({ clickCount: 2 });
  await mouse.up({ clickCount: 2 });
  await pictured(page);
  assert.equal(sent.length, 1);
  assert.equal(await rows(page).count(), 2);
  // A click of its own does.
  await rows(page).nth(1).getByRole("button").click();
  await until("the row to go", async () => (await rows(page).count()) === 1);
});

test("a session that has ended meanwhile is told, and goes from the list", async (t) => {
  const email = await desk.newAdmin();
  const api = desk.api(await desk.session(email));
  const page = await loggedIn(t, email, SAFARI);
  await open(page, 2);
  assert.equal((await api("POST", "/api/logout")).status, 204);
  allow(page, /^DELETE \/api\/sessions\/\S+ 404$/);
  await rows(page).getByRole("button").click();
  await says(page, "That session had ended already.");
  await until("the row to go", async () => (await rows(page).count()) === 1);
});

test("what cannot be loaded or ended says so, and can be tried again", async (t) => {
  const email = await desk.newAdmin();
  await desk.session(email);
  const page = await loggedIn(t, email, SAFARI);
  allow(page, /^(GET|DELETE) \/api\/sessions\S* failed$/);
  await page.route("**/api/sessions", (route) => route.abort("connectionreset"));
  await page.getByRole("button", { name: "Your access" }).click();
  await page.getByRole("menuitem", { name: "Where you are logged in" }).click();
  await says(dialog(page), "No answer came back.");
  await page.unroute("**/api/sessions");
  await dialog(page).getByRole("button", { name: "Retry" }).click();
  await until("the rows", async () => (await rows(page).count()) === 2);
  await page.route("**/api/sessions/*", (route) => route.abort("connectionreset"), { times: 1 });
  await rows(page).getByRole("button").click();
  await says(dialog(page), "No answer came back.");
  await rows(page).getByRole("button").click();
  await says(page, "“Unknown browser” is logged out.");
});
