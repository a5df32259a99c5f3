// Two clicks that come before the page can show that the first was taken send one request, whatever
// the button is for.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  askForCode,
  atConsole,
  atLogin,
  atRest,
  deskAndBrowser,
  isGone,
  logIn,
  newPage,
  says,
  typeCode,
} from "./support.mjs";

/** @import { Locator, Page } from "playwright-core" */
/** @import { TestContext } from "node:test" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

deskAndBrowser((...both) => ([desk, browser] = both));

/**
 * The page of an admin, with a Sandbox that is ready.
 *
 * @param {TestContext} t
 */
async function admin(t) {
  const page = await newPage(browser, desk, { t });
  const own = await desk.newAdmin();
  await logIn(page, desk, own);
  await atRest(page);
  return { page, own };
}

/** @param {Page | Locator} place @param {string} name */
const button = (place, name) => place.getByRole("button", { name, exact: true });

/** Clicks twice within a frame. @param {Locator} place */
const twice = (place) =>
  place.evaluate((/** @type {HTMLElement} */ element) => {
    element.click();
    element.click();
  });

/** Presses Enter twice within a frame, in a field of a form. @param {Locator} field */
const enterTwice = (field) =>
  field.evaluate((/** @type {HTMLInputElement} */ element) => {
    element.form?.requestSubmit();
    element.form?.requestSubmit();
  });

/**
 * Does something, and asserts that this one call came of it. Both of two calls of a frame would be
 * on their way before the first is answered, and so before what tells that it was.
 *
 * @param {Page} page
 * @param {string} method
 * @param {string | RegExp} path
 * @param {() => Promise<unknown>} act
 */
async function sendsOnce(page, method, path, act) {
  /** @type {string[]} */
  const sent = [];
  const note = (/** @type {import("playwright-core").Request} */ request) => {
    const { pathname } = new URL(request.url());
    if (request.method() === method && pathname.match(path)?.[0] === pathname) sent.push(pathname);
  };
  page.on("request", note);
  await act();
  page.off("request", note);
  assert.equal(sent.length, 1, `${method} ${path}: ${sent}`);
}

for (const [how, both] of /** @type {const} */ ([
  ["clicks", (/** @type {Page} */ page) => twice(button(page, "Send Code"))],
  ["Enters", (/** @type {Page} */ page) => enterTwice(page.getByLabel("E-mail"))],
])) {
  test(`two ${how} at once ask for one code`, async (t) => {
    const page = await newPage(browser, desk, { t });
    await page.goto(desk.url);
    await page.getByLabel("E-mail").fill(await desk.newAdmin());
    await page.getByRole("checkbox", { name: /terms/ }).click();
    await sendsOnce(page, "POST", "/api/login/code", async () => {
      await both(page);
      await page.getByRole("heading", { name: "Enter your code" }).waitFor();
    });
  });
}

test("two clicks at once on Resend code, Log in and Log out are one", async (t) => {
  const page = await newPage(browser, desk, { t, allow: ["POST /api/login/verify failed"] });
  const to = await desk.newAdmin();
  await page.clock.install();
  await page.goto(desk.url);
  await askForCode(page, to);
  await desk.codeFor(to);
  await page.clock.fastForward("00:30");
  await sendsOnce(page, "POST", "/api/login/code", async () => {
    await twice(button(page, "Resend code"));
    await says(page, "A new code is on its way.");
  });
  // The boxes log in by themselves: the button is for a second try.
  await page.route("**/api/login/verify", (route) => route.abort("connectionreset"), { times: 1 });
  await typeCode(page, await desk.codeFor(to));
  await says(page, "No answer came back.");
  await sendsOnce(page, "POST", "/api/login/verify", async () => {
    await twice(button(page, "Log in"));
    await atConsole(page);
  });
  await sendsOnce(page, "POST", "/api/logout", async () => {
    await twice(button(page, "Log out"));
    await atLogin(page);
  });
});

test("two clicks at once on Decline are one", async (t) => {
  const { page: host } = await admin(t);
  const invited = "once-invited@example.com";
  await host.request.post("/api/team", {
    data: { email: invited },
    headers: { origin: desk.url },
  });
  const { text } = await desk.invitationFor(invited);
  const page = await newPage(browser, desk, { t });
  await page.goto(text.split(/\s/).find((word) => word.includes("#invitation=")) ?? "");
  await button(page, "Decline this invitation").click();
  await sendsOnce(page, "POST", "/api/invitation/decline", async () => {
    await twice(button(page.getByRole("alertdialog"), "Decline"));
    await says(page, "The invitation is declined.");
  });
});

test("two clicks at once on Create Key and on Delete key are one", async (t) => {
  const { page } = await admin(t);
  await button(page, "New API Key").click();
  await page.getByRole("dialog").getByLabel("Name").fill("Zapier");
  await sendsOnce(page, "POST", "/api/keys", async () => {
    await twice(button(page, "Create Key"));
    await says(page, "Save your new API key");
  });
  await page.getByRole("checkbox", { name: /I have copied/ }).click();
  await button(page, "Got it, I saved it").click();
  await button(page, "Delete Zapier").click();
  await sendsOnce(page, "DELETE", /\/api\/keys\/.*/, async () => {
    await twice(button(page, "Delete key"));
    await isGone(page.getByRole("rowheader", { name: "Zapier" }));
  });
});

test("two clicks, and two Enters, at once on Rotate are one", async (t) => {
  const { page } = await admin(t);
  const headers = { origin: desk.url };
  await page.request.post("/api/keys", { data: { name: "Zapier" }, headers });
  await page.reload();
  const dialog = page.getByRole("dialog", { name: "Rotate “Zapier”" });
  for (const act of [
    () => twice(button(dialog, "Rotate")),
    () => enterTwice(dialog.getByRole("combobox")),
  ]) {
    await button(page, "More actions for Zapier").click();
    await page.getByRole("menuitem", { name: "Rotate" }).click();
    await sendsOnce(page, "POST", /\/api\/keys\/.*\/rotate/, async () => {
      await act();
      await says(page, "Save the new value");
    });
    await page.getByRole("checkbox", { name: /I have copied/ }).click();
    await button(page, "Got it, I saved it").click();
    await isGone(page.getByRole("dialog"));
  }
});

for (const [item, said] of /** @type {const} */ ([
  ["Rename", "“Zapier” is called “Zapier” now."],
  ["Change expiry", "“Zapier”: It works until it is deleted."],
])) {
  test(`two clicks, and two Enters, at once on ${item} are one`, async (t) => {
    const { page } = await admin(t);
    const headers = { origin: desk.url };
    await page.request.post("/api/keys", { data: { name: "Zapier" }, headers });
    await page.reload();
    const dialog = page.getByRole("dialog");
    for (const act of [
      () => twice(button(dialog, item)),
      () => enterTwice(dialog.locator("input, select").first()),
    ]) {
      await button(page, "More actions for Zapier").click();
      await page.getByRole("menuitem", { name: item }).click();
      await sendsOnce(page, "PATCH", /\/api\/keys\/.*/, async () => {
        await act();
        await says(page, said);
        await isGone(dialog);
      });
    }
  });
}

test("two clicks at once on Send invitation, Resend, a role and Revoke are one", async (t) => {
  const { page } = await admin(t);
  const email = "once-member@example.com";
  await button(page, "Add member").click();
  await page.getByRole("dialog").getByLabel("E-mail").fill(email);
  await sendsOnce(page, "POST", "/api/team", async () => {
    await twice(button(page, "Send invitation"));
    await says(page, `${email} is invited. A mail with the link is on its way.`);
  });
  await sendsOnce(page, "POST", /\/api\/team\/.*\/invitation/, async () => {
    await twice(button(page, `Resend invitation to ${email}`));
    await says(page, `The invitation is mailed to ${email} again.`);
  });
  await button(page, `More actions for ${email}`).click();
  await page.getByRole("menuitem", { name: "Make an admin" }).click();
  await sendsOnce(page, "PATCH", /\/api\/team\/.*/, async () => {
    await twice(button(page, "Make an admin"));
    await says(page, `${email} is an admin now.`);
  });
  await button(page, `Revoke access of ${email}`).click();
  await sendsOnce(page, "DELETE", /\/api\/team\/.*/, async () => {
    await twice(button(page, "Revoke access"));
    await isGone(page.getByRole("rowheader", { name: email }));
  });
});

test("two clicks at once on End, and on End all others, are one", async (t) => {
  const { page, own } = await admin(t);
  for (let count = 0; count < 2; count += 1) await desk.session(own);
  await button(page, "Your access").click();
  await page.getByRole("menuitem", { name: "Where you are logged in" }).click();
  const dialog = page.getByRole("dialog", { name: "Where you are logged in" });
  await sendsOnce(page, "DELETE", /\/api\/sessions\/.*/, async () => {
    await twice(dialog.getByRole("button", { name: "End session" }).first());
    await says(page, "“Unknown browser” is logged out.");
  });
  await sendsOnce(page, "DELETE", "/api/sessions", async () => {
    await twice(button(dialog, "End all others"));
    await says(page, "You are logged in here alone.");
  });
});

test("two clicks at once on Leave are one", async (t) => {
  const { page } = await admin(t);
  const data = { email: "once-leaving@example.com" };
  await page.request.post("/api/team", { data, headers: { origin: desk.url } });
  const theirs = await newPage(browser, desk, { t });
  await logIn(theirs, desk, data.email);
  await button(theirs, "Your access").click();
  await theirs.getByRole("menuitem", { name: "Leave this account" }).click();
  await sendsOnce(theirs, "DELETE", "/api/team/me", async () => {
    await twice(button(theirs, "Leave"));
    await atLogin(theirs);
  });
});

test("two clicks at once on Test Connection and on Retry are one", async (t) => {
  const { page } = await admin(t);
  await sendsOnce(page, "POST", "/api/sandbox/test", async () => {
    await twice(button(page, "Test Connection"));
    await says(page, "The reserved key works.");
  });
  await button(page, "Delete Sandbox").click();
  await button(page, "Delete key").click();
  await says(page, "Sandbox not configured");
  await sendsOnce(page, "POST", "/api/sandbox/provision", async () => {
    await twice(button(page, "Retry Auto-Configuration"));
    await says(page, "Sandbox ready");
  });
});

test("two clicks at once on the Retry of a block are one", async (t) => {
  const { page } = await admin(t);
  const all = /\/api\/(keys|team|sandbox)$/;
  allow(page, /^GET \/api\/(keys|team|sandbox) failed$/);
  await page.route(all, (route) => route.abort("connectionreset"));
  await page.reload();
  await atConsole(page);
  const blocks = /** @type {const} */ ([
    ["API keys", "/api/keys"],
    ["Team", "/api/team"],
    ["Sandbox status", "/api/sandbox"],
  ]);
  const block = (/** @type {string} */ name) => page.getByRole("region", { name });
  for (const [name] of blocks) await says(block(name), "No answer came back.");
  await page.unroute(all);
  for (const [name, path] of blocks)
    await sendsOnce(page, "GET", path, async () => {
      await twice(button(block(name), "Retry"));
      await isGone(block(name).getByRole("alert"));
    });
});

test("two clicks at once on the Retry of the page itself are one", async (t) => {
  const page = await newPage(browser, desk, { t, allow: ["GET /api/session failed"] });
  await page.route("**/api/session", (route) => route.abort("connectionreset"));
  await page.goto(desk.url);
  await says(page, "No answer came back.");
  await page.unroute("**/api/session");
  await sendsOnce(page, "GET", "/api/session", async () => {
    await twice(button(page, "Retry"));
    await atLogin(page);
  });
});
