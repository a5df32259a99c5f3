// How a session ends, and what is left of it; tabs, the back button, reloads in the middle, and no
// network.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  ADMIN,
  allow,
  askForCode,
  atConsole,
  atLogin,
  atRest,
  comeBack,
  deskAndBrowser,
  hold,
  logIn,
  newPage,
  newTab,
  says,
  startDesk,
  typeCode,
  uncovered,
  until,
} from "./support.mjs";

/** @import { Page, Request } from "playwright-core" */
/** @import { TestContext } from "node:test" */
/** @import { PageOptions } from "./support.mjs" */

const HOURS = 3600;
const DAYS = 24 * HOURS;

const ENDED =
  "Your session has ended: it expired, was logged out elsewhere, or your access was removed. " +
  "Log in to go on.";

const EXPIRED =
  "Your session ended: it was not used for 12 hours, or was opened 7 days ago. Log in to go on.";

const SUSPENDED =
  "This account is suspended, so nobody can log in to it. Contact the provider of the API.";

/** @param {Page} page @param {string} name */
const section = (page, name) => page.getByRole("region", { name, exact: true });
/** @param {Page} page */
const logOut = (page) => page.getByRole("button", { name: "Log out" });
/** @param {Page} page */
const newKey = (page) => page.getByRole("button", { name: "New API Key" });
/** @param {Page} page @param {string} name */
const dialog = (page, name) => page.getByRole("dialog", { name });
/** @param {Page} page */
const emailField = (page) => page.getByLabel("E-mail");

/** Waits until the three blocks show what they have, and ask for no more. @param {Page} page */
async function settled(page) {
  await page.getByRole("rowheader", { name: /Sandbox/ }).waitFor();
  await atRest(page);
}

/**
 * Waits for the login, which says why it is there; nothing of the page may be left.
 *
 * @param {Page} page
 * @param {string} why
 * @param {string} email
 */
async function isOut(page, why, email) {
  await atLogin(page);
  await says(page.getByRole("status").or(page.getByRole("alert")), why);
  assert.equal(await emailField(page).inputValue(), email);
  for (const name of ["Sandbox status", "API keys", "Team"])
    assert.equal(await section(page, name).count(), 0);
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.ok(
    !(await page.locator("body").innerText()).includes("fd_"),
    "keys may not stay on the screen",
  );
}

/** The names of the keys in the list. @param {Page} page */
const keyNames = (page) => section(page, "API keys").locator("tbody .cell-name").allInnerTexts();

describe("Session", () => {
  /** @type {import("./support.mjs").Desk} */
  let desk;
  /** @type {import("playwright-core").Browser} */
  let browser;
  let accounts = 0;

  deskAndBrowser((...both) => ([desk, browser] = both));

  /** An account that nobody else uses. */
  async function account() {
    accounts += 1;
    const name = `Session ${accounts}`;
    const admin = `session-${accounts}@example.com`;
    const { id: account_id } = await desk.register({ name, admin_email: admin });
    return { account_id, name, admin };
  }

  /** An account with an admin, whom the test acts for beside the browser, and an invited member. */
  async function team() {
    const { admin, ...rest } = await account();
    const member = `member-of-${admin}`;
    const asAdmin = desk.api(await desk.session(admin));
    const invited = await asAdmin("POST", "/api/team", { email: member });
    assert.equal(invited.status, 201);
    return { ...rest, admin, member, asAdmin, memberId: invited.body.member.id };
  }

  /**
   * A page behind the login.
   *
   * @param {TestContext} t
   * @param {string} email
   * @param {PageOptions} [options]
   */
  async function loggedIn(t, email, options = {}) {
    const page = await newPage(browser, desk, { t, ...options });
    await logIn(page, desk, email);
    await settled(page);
    return page;
  }

  // --- How it ends

  test("Log out ends it for good: the page, its history and its cookie lead nowhere", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin);
    const cookie = (await page.context().cookies()).find(({ name }) => name === "__Host-frontdesk");
    await logOut(page).click();
    await isOut(page, "You are logged out.", admin);
    assert.ok(!(await page.context().cookies()).some(({ name }) => name === "__Host-frontdesk"));
    const reused = await desk.api("")("GET", "/api/session", undefined, {
      authorization: "",
      cookie: `${cookie?.name}=${cookie?.value}`,
    });
    assert.equal(reused.status, 401);

    await page.goto("about:blank");
    await page.goBack();
    await atLogin(page);
    await page.reload();
    await atLogin(page);
  });

  test("a revoked member's browser is out on its next act, and so is its next login", async (t) => {
    const { member, memberId, asAdmin } = await team();
    const page = await loggedIn(t, member, { allow: [/^(GET|POST) \/api\/\w+(\/test)? 401$/] });
    assert.equal((await asAdmin("DELETE", `/api/team/${memberId}`)).status, 204);
    await page.getByRole("button", { name: "Test Connection" }).click();
    await isOut(page, ENDED, member);
    const mails = (await desk.mails()).length;
    await askForCode(page, member);
    // Mails leave in order: a code for the member would have gone before this one.
    await desk.session((await account()).admin);
    assert.equal((await desk.mails()).length, mails + 1);
  });

  test("a session that nobody used for twelve hours is over", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin, { allow: [/^(GET|POST|DELETE) \/api\/\w+ 401$/] });
    await desk.advance(12 * HOURS + 1);
    await newKey(page).click();
    await page.getByLabel("Name").fill("Too late");
    await page.getByRole("button", { name: "Create Key" }).click();
    await isOut(page, EXPIRED, admin);
    await logIn(page, desk, admin);
    await settled(page);
    assert.deepEqual(
      (await keyNames(page)).filter((name) => name === "Too late"),
      [],
    );
  });

  test("no session gets older than seven days, however much it is used", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin, { allow: [/^(GET|POST) \/api\/\w+(\/test)? 401$/] });
    for (let day = 0; day < 6.5; day += 0.5) {
      await desk.advance(DAYS / 2 - 60);
      await page.reload();
      await atConsole(page);
    }
    await desk.advance(DAYS / 2);
    await page.reload();
    await isOut(page, EXPIRED, "");
  });

  test("suspending the account ends the sessions of all who are in it", async (t) => {
    const { account_id, admin, member } = await team();
    const options = { allow: [/^(GET|POST) \/api\/\w+(\/test)? 403$/] };
    const [first, second] = [await loggedIn(t, admin, options), await loggedIn(t, member, options)];
    await desk.suspend(account_id);
    await first.getByRole("button", { name: "Test Connection" }).click();
    await isOut(first, SUSPENDED, admin);
    await second.reload();
    await isOut(second, SUSPENDED, "");
  });

  test("a session that was ended elsewhere is over here on the next act", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin, { allow: [/^(GET|POST) \/api\/\w+ 401$/] });
    // A program with the same cookie: no tab that could tell this one.
    assert.equal((await page.request.post("/api/logout")).status(), 204);
    await section(page, "Team").getByRole("button", { name: "Add member" }).click();
    await emailField(page).fill("ada@example.com");
    await page.getByRole("button", { name: "Send invitation" }).click();
    await isOut(page, ENDED, admin);
  });

  test("coming back to the page is an act: a session that ended is seen then", async (t) => {
    const { member, memberId, asAdmin } = await team();
    const page = await loggedIn(t, member, { allow: [/^GET \/api\/\w+ 401$/] });
    await asAdmin("DELETE", `/api/team/${memberId}`);
    await comeBack(page);
    await isOut(page, ENDED, member);
  });

  test("who logs out is told that, whatever else is read meanwhile", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin, { allow: [/^GET \/api\/\w+ 401$/] });
    await page.route("**/api/logout", async (route) => {
      const response = await route.fetch();
      const refused = page.waitForResponse((answer) => answer.status() === 401);
      await comeBack(page);
      await refused;
      await route.fulfill({ response });
    });
    await logOut(page).click();
    await isOut(page, "You are logged out.", admin);
  });

  test("a log-out without an answer says: still in, and can be tried again", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin, { allow: ["POST /api/logout failed"] });
    await page.route("**/api/logout", (route) => route.abort("connectionreset"), { times: 1 });
    await logOut(page).click();
    await says(
      page,
      "You are still logged in. No answer came back. Check your connection and try again.",
    );
    await page.getByRole("button", { name: "Retry" }).click();
    await isOut(page, "You are logged out.", admin);
  });

  // --- What was typed

  test("what was typed when a session ended comes back to the same person alone", async (t) => {
    const { admin } = await account();
    const other = (await account()).admin;
    const page = await loggedIn(t, admin, { allow: [/^(GET|POST) \/api\/\w+ 401$/] });
    const end = () => page.request.post("/api/logout");
    await newKey(page).click();
    await page.getByLabel("Name").fill("Zapier Integration");
    await end();
    await page.getByRole("button", { name: "Create Key" }).click();
    await isOut(page, ENDED, admin);

    await logIn(page, desk, other);
    await settled(page);
    await newKey(page).click();
    assert.equal(await page.getByLabel("Name").inputValue(), "");
    await page.getByRole("button", { name: "Cancel" }).click();
    await logOut(page).click();
    await atLogin(page);

    await logIn(page, desk, admin);
    await settled(page);
    await newKey(page).click();
    assert.equal(await page.getByLabel("Name").inputValue(), "Zapier Integration");
  });

  // --- Tabs

  test("logging out in one tab logs the other one out, which says so", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin);
    const other = await newTab(page);
    await other.goto(desk.url);
    await settled(other);
    await logOut(page).click();
    await isOut(other, "You logged out in another tab.", admin);
  });

  test("logging in in one tab lets the other one in", async (t) => {
    const { admin } = await account();
    const page = await newPage(browser, desk, { t });
    await page.goto(desk.url);
    await atLogin(page);
    const other = await newTab(page);
    await logIn(other, desk, admin);
    await settled(page);
    await page.getByRole("banner").getByText(admin).waitFor();
  });

  test("when somebody else logs in in another tab, nothing of the first stays here", async (t) => {
    const first = await account();
    const second = await account();
    const page = await loggedIn(t, first.admin, { allow: [/^(GET|POST) \/api\/\w+ 401$/] });
    const other = await newTab(page);
    await other.goto(desk.url);
    await settled(other);
    // The second tab never tells the first one of this log-out: a program does it.
    await page.request.post("/api/logout");
    await other.reload();
    await logIn(other, desk, second.admin);
    await page.getByRole("banner").getByText(second.admin).waitFor();
    await page.getByRole("banner").getByText(second.name).waitFor();
    await settled(page);
    assert.ok(!(await page.locator("body").innerText()).includes(first.admin));
  });

  test("a second desk takes the login over at one host, at 127.0.0.1 it does not", async (t) => {
    const { admin } = await account();
    // Cookies know no port. The second desk's pages are another origin's.
    const page = await loggedIn(t, admin, {
      allow: [/^request to another origin: /, /^(GET|POST) \/api\/[\w/]+ 401$/],
    });
    const second = await startDesk();
    t.after(() => second.stop());
    const other = await newTab(page);
    await logIn(other, second, ADMIN);
    await page.reload();
    await logIn(page, desk, admin);
    await settled(page);
    await other.reload();
    const apart = { ...second, url: second.url.replace("localhost", "127.0.0.1") };
    await logIn(other, apart, ADMIN);
    await settled(other);
    for (const [tab, who] of /** @type {[Page, string][]} */ ([
      [page, admin],
      [other, ADMIN],
    ])) {
      await tab.reload();
      await tab.getByRole("banner").getByText(who).waitFor();
      await settled(tab);
    }
  });

  test("what one tab changes, the other one shows when somebody comes back to it", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin);
    const other = await newTab(page);
    await other.goto(desk.url);
    await settled(other);
    await page.bringToFront();
    await section(page, "Team").getByRole("button", { name: "Add member" }).click();
    await emailField(page).fill("grace@example.com");
    await page.getByRole("button", { name: "Send invitation" }).click();
    await section(page, "Team")
      .getByRole("rowheader", { name: /grace@example\.com/ })
      .waitFor();
    await comeBack(other);
    await section(other, "Team")
      .getByRole("rowheader", { name: /grace@example\.com/ })
      .waitFor();
  });

  // --- A page that stays true

  /**
   * The reads that a page sends, as it goes on: of what, and whether it says that nobody asked.
   *
   * @param {Page} page
   */
  function reads(page) {
    /** @type {{ of: string, unasked: boolean }[]} */
    const sent = [];
    /** @type {Set<Request>} */
    const open = new Set();
    /** @type {string[]} */
    const besideAnother = [];
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (request.method() !== "GET" || !pathname.startsWith("/api/")) return;
      if (open.size > 0) besideAnother.push(pathname);
      open.add(request);
      const unasked = request.headers()["x-frontdesk-background"] === "1";
      sent.push({ of: pathname.slice("/api/".length), unasked });
    });
    page.on("requestfinished", (request) => void open.delete(request));
    page.on("requestfailed", (request) => void open.delete(request));
    return { sent, besideAnother, idle: () => open.size === 0 };
  }

  const ALL = ["session", "sandbox", "keys", "team", "usage"];

  /**
   * Lets time pass in the page, which stands nearly still while an answer is on its way.
   *
   * @param {Page} page
   * @param {number} seconds
   * @param {() => boolean} idle
   */
  async function passes(page, seconds, idle) {
    for (let passed = 0; passed < seconds; passed += 5) {
      await until("the answers", async () => idle());
      await page.clock.runFor(5000);
    }
  }

  /** A page whose time the test moves. @param {TestContext} t @param {string} email */
  async function inMovedTime(t, email) {
    const page = await newPage(browser, desk, { t });
    await page.clock.install();
    await logIn(page, desk, email);
    await settled(page);
    await says(section(page, "Team"), email);
    return page;
  }

  /** @param {Page} page @param {"focus" | "online" | "visibilitychange"} type */
  const happens = (page, type) =>
    page.evaluate((type) => void window.dispatchEvent(new Event(type)), type);

  test("a page that is in use is read again every minute, one thing after the other", async (t) => {
    const { admin, asAdmin } = await team();
    const page = await inMovedTime(t, admin);
    /** @type {string[]} */
    const validated = [];
    page.on("request", (request) => {
      if (request.method() === "POST") validated.push(request.url());
    });
    const { sent, besideAnother, idle } = reads(page);
    await page.mouse.move(100, 100);
    await asAdmin("POST", "/api/keys", { name: "Made elsewhere" });
    const made = section(page, "API keys").getByRole("rowheader", { name: "Made elsewhere" });
    await passes(page, 70, idle);
    await made.waitFor();
    await until("the last read", async () => sent.length === ALL.length && idle());
    assert.deepEqual(
      sent,
      ALL.map((of) => ({ of, unasked: true })),
    );
    assert.deepEqual(besideAnother, []);
    assert.deepEqual(validated, [], "and validates nothing");
  });

  test("a page that nobody looks at or touches is not read until somebody does", async (t) => {
    const { admin } = await account();
    const page = await inMovedTime(t, admin);
    const { sent, idle } = reads(page);
    /** @param {"hidden" | "visible"} state */
    const becomes = async (state) => {
      await page.evaluate((state) => {
        Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
        document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
      }, state);
    };
    await becomes("hidden");
    await passes(page, 300, idle);
    assert.equal(sent.length, 0, "out of sight");
    await becomes("visible");
    await until("a read", async () => sent.length === ALL.length && idle());
    assert.ok(!sent.some(({ unasked }) => unasked), "coming back is an act");

    sent.splice(0);
    await page.mouse.move(100, 100);
    await passes(page, 660, idle);
    assert.ok(sent[0]?.unasked);
    await until("the last read", async () => sent.at(-1)?.of === ALL.at(-1) && idle());
    sent.splice(0);
    await passes(page, 600, idle);
    assert.deepEqual(sent, [], "nobody there for ten minutes");
    await page.mouse.move(200, 200);
    await until("a read", async () => sent.length === ALL.length && idle());
    assert.ok(!sent.some(({ unasked }) => unasked), "touching it is an act");
  });

  for (const type of /** @type {const} */ (["focus", "visibilitychange", "online"])) {
    test(`what changed elsewhere is on the page after ${type}`, async (t) => {
      const { admin, asAdmin } = await team();
      const page = await loggedIn(t, admin);
      await asAdmin("POST", "/api/keys", { name: "Made elsewhere" });
      const { key_id } = (await asAdmin("GET", "/api/sandbox")).body;
      await asAdmin("DELETE", `/api/keys/${key_id}`);
      await happens(page, type);
      await says(section(page, "Sandbox status"), "Sandbox not configured");
      await section(page, "API keys").getByRole("rowheader", { name: "Made elsewhere" }).waitFor();
    });
  }

  test("who comes back while the page reads sees what changed since it began", async (t) => {
    const { admin, asAdmin } = await team();
    const page = await inMovedTime(t, admin);
    const release = await hold(page, "**/api/team");
    const last = page.waitForRequest("**/api/team");
    await happens(page, "focus");
    await last;
    await asAdmin("POST", "/api/keys", { name: "Made meanwhile" });
    await page.clock.runFor(2000);
    await happens(page, "focus");
    await release();
    await section(page, "API keys").getByRole("rowheader", { name: "Made meanwhile" }).waitFor();
  });

  test("a page that comes back after long shows no old state until it has read", async (t) => {
    const { admin } = await account();
    const page = await inMovedTime(t, admin);
    // A lid is closed, and opened again.
    await page.clock.fastForward(15 * 60_000);
    const release = await hold(page, "**/api/sandbox");
    await happens(page, "focus");
    await says(section(page, "Sandbox status"), "Validating connection…");
    assert.equal(await section(page, "Sandbox status").getByText("Sandbox ready").count(), 0);
    await release();
    await settled(page);
  });

  test("a page that comes back to no network says so instead of an old state", async (t) => {
    const { admin } = await account();
    const page = await inMovedTime(t, admin);
    await page.context().setOffline(true);
    await page.clock.fastForward(15 * 60_000);
    await happens(page, "focus");
    await says(section(page, "Sandbox status").getByRole("alert"), "You are offline.");
    assert.equal(await section(page, "Sandbox status").getByText("Sandbox ready").count(), 0);
    await page.context().setOffline(false);
    await settled(page);
  });

  test("that something could not be read is not said any longer than it is so", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin, { allow: ["GET /api/keys failed"] });
    await page.route("**/api/keys", (route) => route.abort("connectionreset"));
    await happens(page, "visibilitychange");
    const failed = page.locator(".toast", { hasText: "No answer came back." });
    // One that is pointed at does not go by itself.
    await failed.hover();
    await page.unroute("**/api/keys");
    await happens(page, "visibilitychange");
    await failed.waitFor({ state: "detached" });
  });

  test("a page that the browser had kept whole is loaded anew", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin);
    const loaded = page.waitForEvent("load");
    await page.evaluate(
      () => void window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })),
    );
    await loaded;
    await settled(page);
  });

  // --- Back button and reload

  test("after a login the back button does not lead back to the code", async (t) => {
    const { admin } = await account();
    const page = await newPage(browser, desk, { t });
    await page.goto("about:blank");
    await page.goto(desk.url);
    await logIn(page, desk, admin);
    await settled(page);
    for (let steps = 0; steps < 3 && page.url() !== "about:blank"; steps += 1) {
      await page.goBack();
      if (page.url() === "about:blank") break;
      await atConsole(page);
    }
    await page.goForward();
    await atConsole(page);
  });

  test("a reload in the middle of a form sends nothing, and the page is there again", async (t) => {
    const { admin, memberId, member, asAdmin } = await team();
    const key = (await asAdmin("POST", "/api/keys", { name: "Backend Staging" })).body.key;
    const page = await loggedIn(t, admin);
    /** @type {string[]} */
    const sent = [];
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (request.method() !== "GET" && !pathname.startsWith("/api/sandbox"))
        sent.push(`${request.method()} ${pathname}`);
    });
    const begun = [
      async () => {
        await newKey(page).click();
        await page.getByLabel("Name").fill("Never made");
      },
      async () => {
        await page.getByRole("button", { name: `Delete ${key.name}` }).click();
        await page.getByRole("alertdialog").waitFor();
      },
      async () => {
        await page.getByRole("button", { name: "Add member" }).click();
        await emailField(page).fill("never-invited@example.com");
      },
      async () => {
        await page.getByRole("button", { name: `Revoke access of ${member}` }).click();
        await page.getByRole("alertdialog").waitFor();
      },
    ];
    for (const begin of begun) {
      await begin();
      await page.reload();
      await settled(page);
      assert.equal(await page.getByRole("dialog").or(page.getByRole("alertdialog")).count(), 0);
    }
    assert.deepEqual(sent, []);
    assert.deepEqual(
      (await asAdmin("GET", "/api/keys")).body.keys
        .map((/** @type {{ name: string }} */ key) => key.name)
        .filter((/** @type {string} */ name) => name !== "Sandbox"),
      ["Backend Staging"],
    );
    /** @type {{ id: string }[]} */
    const members = (await asAdmin("GET", "/api/team")).body.members;
    assert.ok(members.some(({ id }) => id === memberId));
  });

  test("a reload while a change is under way shows what became of it", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin);
    // The request arrives; its answer does not, because the page is gone by then.
    /** @type {(value?: unknown) => void} */
    let arrived = () => {};
    const made = new Promise((done) => (arrived = done));
    await page.route("**/api/team", async (route) => {
      if (route.request().method() !== "POST") return route.continue();
      await route.fetch();
      arrived();
    });
    await page.getByRole("button", { name: "Add member" }).click();
    await emailField(page).fill("ada@example.com");
    await page.getByRole("button", { name: "Send invitation" }).click();
    await made;
    await page.reload();
    await section(page, "Team")
      .getByRole("rowheader", { name: /ada@example\.com/ })
      .waitFor();
    await says(section(page, "Team"), /^2 \/ /);
  });

  test("a reload while the Sandbox is validated goes on waiting for its outcome", async (t) => {
    const { admin } = await account();
    await desk.productApi("slow");
    t.after(() => desk.productApi("up"));
    const page = await newPage(browser, desk, { t });
    await logIn(page, desk, admin);
    await says(section(page, "Sandbox status"), "Validating connection…");
    await page.reload();
    await says(section(page, "Sandbox status"), "Validating connection…");
    await desk.productApi("up");
    await says(section(page, "Sandbox status"), "Sandbox ready");
  });

  // --- No network

  test("offline the page says so, sends nothing, and goes on with what was typed", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin);
    const banner = page.getByText(
      "You are offline. What you typed stays here; nothing is sent until you are back.",
    );
    await newKey(page).click();
    await page.getByLabel("Name").fill("Zapier Integration");
    await page.context().setOffline(true);
    await banner.waitFor();
    /** @type {string[]} */
    const sent = [];
    page.on("request", (request) => sent.push(request.url()));
    await page.getByRole("button", { name: "Create Key" }).click();
    await says(
      dialog(page, "New API key").getByRole("alert"),
      "You are offline. Nothing was sent; try again once you are back.",
    );
    assert.equal(await page.getByLabel("Name").inputValue(), "Zapier Integration");
    assert.deepEqual(sent, []);

    await page.context().setOffline(false);
    await banner.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Create Key" }).click();
    await dialog(page, "Save your new API key").waitFor();
  });

  test("offline at the login, address and code stay, and log in when it is back", async (t) => {
    const { admin } = await account();
    const page = await newPage(browser, desk, { t });
    await page.goto(desk.url);
    await atLogin(page);
    await emailField(page).fill(admin);
    await page.getByRole("checkbox").click();
    await page.context().setOffline(true);
    await page.getByRole("button", { name: "Send Code" }).click();
    await says(
      page.getByRole("alert"),
      "You are offline. Nothing was sent; try again once you are back.",
    );
    assert.equal(await emailField(page).inputValue(), admin);
    await page.context().setOffline(false);
    await page.getByRole("button", { name: "Send Code" }).click();
    await page.getByRole("heading", { name: "Enter your code" }).waitFor();
    const code = await desk.codeFor(admin);
    await page.context().setOffline(true);
    await typeCode(page, code);
    await says(
      page.getByRole("alert"),
      "You are offline. Nothing was sent; try again once you are back.",
    );
    await page.context().setOffline(false);
    await page.getByRole("button", { name: "Log in" }).click();
    await atConsole(page);
  });

  test("offline, a list that is on the screen stays there", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin);
    const before = await keyNames(page);
    await page.context().setOffline(true);
    await comeBack(page);
    await page.getByRole("button", { name: /^Delete Sandbox/ }).click();
    await page.getByRole("button", { name: "Delete key" }).click();
    await says(
      page.getByRole("alertdialog"),
      "You are offline. Nothing was sent; try again once you are back.",
    );
    await page.getByRole("button", { name: "Cancel" }).click();
    await uncovered(page);
    assert.deepEqual(await keyNames(page), before);
    await page.context().setOffline(false);
    await page.reload();
    await settled(page);
    assert.deepEqual(await keyNames(page), before);
  });

  test("a page that cannot learn who is there says so, and its Retry goes on", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin, { allow: ["GET /api/session failed"] });
    await page.route("**/api/session", (route) => route.abort("connectionreset"));
    await page.reload();
    await says(
      page.getByRole("alert"),
      "No answer came back. Check your connection and try again.",
    );
    await page.unroute("**/api/session");
    await page.getByRole("button", { name: "Retry" }).click();
    await settled(page);
  });

  test("a block that cannot be loaded says so, with a Retry; the others are there", async (t) => {
    const { admin } = await account();
    const page = await loggedIn(t, admin);
    for (const [name, path, loaded] of /** @type {const} */ ([
      ["Sandbox status", "sandbox", "Sandbox ready"],
      ["API keys", "keys", "Sandbox"],
      ["Team", "team", admin],
    ])) {
      allow(page, `GET /api/${path} failed`);
      await page.route(`**/api/${path}`, (route) =>
        route.request().method() === "GET" ? route.abort("connectionreset") : route.continue(),
      );
      await page.reload();
      await says(
        section(page, name).getByRole("alert"),
        "No answer came back. Check your connection and try again.",
      );
      assert.equal(await page.getByRole("alert").count(), 1);
      await page.unroute(`**/api/${path}`);
      await section(page, name).getByRole("button", { name: "Retry" }).click();
      await says(section(page, name), loaded);
    }
  });
});
