// What a page has to be for everybody: axe on every screen and dialog in both themes, everything by
// keyboard alone, no motion for those who asked for none, and no sideways scrolling on the
// narrowest screens. With SCREENS set, the pictures of docs/screens are taken on the way.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  askForCode,
  atConsole,
  atLogin,
  atRest,
  axe,
  deskAndBrowser,
  hold,
  isGone,
  logIn,
  newPage,
  pointAt,
  says,
  screens,
  typeCode,
  until,
  use,
  wrongCode,
} from "./support.mjs";

/** @import { Page } from "playwright-core" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

deskAndBrowser((...both) => ([desk, browser] = both), { ProductApiTimeoutMs: 3500 });

/**
 * One walk in each theme; the dark one on the narrowest phone, so that both arrangements are looked
 * at. The light one is looked at in the reader's own colours, too.
 */
const WALKS = /** @type {const} */ ([
  { theme: "light", viewport: { width: 1280, height: 900 } },
  { theme: "dark", viewport: { width: 320, height: 640 } },
]);

/** @param {Page} page @param {string} title */
const section = (page, title) => page.getByRole("region", { name: title });

/** @param {Page} page @param {string} name */
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

/** @param {Page} page */
async function closed(page) {
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.getByRole("alertdialog").waitFor({ state: "hidden" });
}

for (const { theme, viewport } of WALKS) {
  /**
   * Where axe looks, and where the pictures are taken: once, since they show both themes.
   *
   * @param {Page} page
   * @param {string} [name]  of the picture, if there is one
   */
  const look = async (page, name) => {
    await axe(page);
    if (theme !== "light") return;
    await page.emulateMedia({ forcedColors: "active" });
    await axe(page);
    await page.emulateMedia({ forcedColors: "none" });
    if (name) await screens(page, name);
  };
  const at = `${viewport.width} px, ${theme}`;
  const email = `admin@${theme}.example.com`;

  test(`axe finds nothing on any screen of the login (${at})`, async (t) => {
    await desk.register({ name: "Northwind Audio", admin_email: email });
    const page = await newPage(browser, desk, {
      t,
      viewport,
      colorScheme: theme,
      allow: ["POST /api/login/verify 401", "POST /api/login/verify 429"],
    });
    await page.clock.install();

    await page.goto(desk.url);
    await atLogin(page);
    await look(page, "login");

    await page.getByRole("checkbox", { name: /terms/ }).click();
    await page.getByLabel("E-mail").fill("somebody");
    await press(page, "Send Code");
    await says(page, "Enter an e-mail address, such as");
    await look(page, "login-no-address");

    await askForCode(page, email);
    await look(page, "login-code");
    const code = await desk.codeFor(email);
    await typeCode(page, wrongCode(code));
    await says(page, "4 attempts left");
    await look(page, "login-code-wrong");

    await page.clock.fastForward(181_000);
    await says(page, "This code has expired.");
    await look(page, "login-code-expired");

    await press(page, "Resend code");
    await says(page, "A new code is on its way.");
    await look(page, "login-code-resent");
    const second = await desk.codeFor(email);
    // The one before counts: a new code gives no guesses back.
    for (const words of [
      "3 attempts left",
      "2 attempts left",
      "1 attempt left",
      "it was the last guess",
    ]) {
      await typeCode(page, wrongCode(second));
      await says(page, words);
    }
    await axe(page);

    const asked = page.waitForResponse("**/api/login/code");
    await press(page, "Resend code");
    const { challenge } = await (await asked).json();
    const third = await desk.codeFor(email);
    // Somebody else's guesses: this page shuts the boxes after the last of its own.
    for (let guess = 0; guess < 5; guess += 1)
      await desk.api("")("POST", "/api/login/verify", { challenge, code: wrongCode(third) });
    await says(page, "A new code is on its way.");
    await typeCode(page, third);
    await says(page, "Those were too many wrong codes");
    await look(page, "login-too-many-attempts");

    allow(page, "POST /api/login/code 429");
    await press(page, "Send Code");
    await says(page, "Too many codes were asked for with this address.");
    await look(page, "login-limited");

    allow(page, "GET /api/session failed");
    await page.context().setOffline(true);
    await says(page, "You are offline.");
    await look(page, "login-offline");
    await page.context().setOffline(false);
  });

  test(`axe finds nothing where the page cannot be had at all (${at})`, async (t) => {
    const page = await newPage(browser, desk, {
      t,
      viewport,
      colorScheme: theme,
      allow: ["GET /api/session failed"],
    });
    await page.route("**/api/session", (route) => route.abort("connectionrefused"));
    await page.goto(desk.url);
    await page.getByRole("button", { name: "Retry" }).waitFor();
    await look(page, "not-available");
    await page.unroute("**/api/session");
    await press(page, "Retry");
    await atLogin(page);
  });

  test(`axe finds nothing on the page, in any state of its three blocks (${at})`, async (t) => {
    const admin = `ada@${theme}.example.com`;
    await desk.register({
      name: "Northwind Audio",
      admin_email: admin,
      key_limit: 4,
      member_limit: 4,
    });
    await desk.productApi("slow");
    await desk.mailService("up");
    const page = await newPage(browser, desk, { t, viewport, colorScheme: theme });
    await logIn(page, desk, admin);
    const status = section(page, "Sandbox status");
    await says(status, "Validating connection…");
    for (const name of ["Sandbox", admin]) await page.getByRole("rowheader", { name }).waitFor();
    // The page learns of the verdict once the waiting for it was looked at.
    const learn = await hold(page, /\/api\/sandbox$/);
    await desk.productApi("up");
    await look(page, "sandbox-validating");
    await learn();
    await says(status, "Sandbox ready");
    await look(page, "page");

    // Reasons differ in words alone: axe looks at one, the pictures show them all.
    const modes = /** @type {const} */ (["failing", "limiting", "down", "slow", "rejecting"]);
    for (const mode of process.env.SCREENS ? modes : modes.slice(-1)) {
      await desk.productApi(mode);
      await press(page, "Test Connection");
      await says(status, "Sandbox not configured");
      await look(page, `sandbox-${mode}`);
      await desk.productApi("up");
      await press(page, "Retry Auto-Configuration");
      await says(status, "Sandbox ready");
    }

    // A key: made, shown, saved.
    await press(page, "New API Key");
    await look(page, "key-new");
    await press(page, "Create Key");
    await says(page, "Give the key a name.");
    await look(page, "key-new-no-name");
    await page.getByLabel("Name").fill("Zapier Integration");
    await page.getByLabel("Expiry").selectOption("A date");
    await press(page, "Create Key");
    await says(page, "Choose a day from");
    await look(page, "key-new-no-day");
    await page.getByLabel("Expiry").selectOption("30 days");
    await press(page, "Create Key");
    await page.getByRole("button", { name: "Show key" }).waitFor();
    await look(page, "key-masked");
    await press(page, "Show key");
    await press(page, "Copy key");
    await says(page, "Copied to the clipboard.");
    await page.getByRole("checkbox", { name: /I have copied/ }).click();
    await look(page, "key-revealed");
    await page.keyboard.press("Escape");
    await page.getByRole("alertdialog").waitFor();
    await look(page, "key-leave");
    await press(page, "Back to the key");
    await press(page, "Got it, I saved it");
    await closed(page);
    await press(page, "More actions for Zapier Integration");
    await page.getByRole("menu").waitFor();
    await look(page, "key-menu");
    await page.getByRole("menuitem", { name: "Rename" }).click();
    await look(page, "key-rename");
    await press(page, "Cancel");
    await closed(page);
    await press(page, "More actions for Zapier Integration");
    await page.getByRole("menuitem", { name: "Rotate" }).click();
    await page.getByRole("combobox").selectOption("At once");
    await says(page, "Everything that calls the API with this key fails");
    await look(page, "key-rotate");
    await page.getByRole("combobox").selectOption("After 1 day");
    await press(page, "Rotate");
    await says(page, "The old value works until");
    await look(page, "key-rotated");
    await page.getByRole("checkbox", { name: /I have copied/ }).click();
    await press(page, "Got it, I saved it");
    await closed(page);
    await press(page, "More actions for Zapier Integration");
    await page.getByRole("menuitem", { name: "Change expiry" }).click();
    await look(page, "key-expiry");
    await press(page, "Cancel");
    await closed(page);
    await press(page, "Delete Zapier Integration");
    await page.getByRole("alertdialog").waitFor();
    await look(page, "key-delete");
    await press(page, "Cancel");
    await closed(page);
    await press(page, "Delete Sandbox");
    await page.getByRole("alertdialog").waitFor();
    await look(page, "key-delete-sandbox");
    await press(page, "Cancel");
    await closed(page);

    // The team.
    await press(page, "Add member");
    await look(page, "team-invite");
    await page.getByLabel("E-mail").fill(admin);
    allow(page, "POST /api/team 409");
    await press(page, "Send invitation");
    await says(page, "belongs to a member already");
    await look(page, "team-invite-registered");
    await page.getByLabel("E-mail").fill(`${admin}, ADMIN@EXAMPLE.COM`);
    await press(page, "Send invitation");
    await says(page, "Not invited: 2 of 2.");
    await look(page, "team-invite-several");
    await page.getByLabel("E-mail").fill(`bob@${theme}.example.com`);
    await press(page, "Send invitation");
    await closed(page);
    await says(section(page, "Team"), "Pending");
    await desk.invitationFor(`bob@${theme}.example.com`);
    await desk.mailService("rejecting");
    await press(page, "Add member");
    await page.getByLabel("E-mail").fill(`margarethe.von.hohenstein@${theme}.example.com`);
    await press(page, "Send invitation");
    await closed(page);
    await until("the mail to fail", async () =>
      (await (await page.request.get("/api/team")).text()).includes('"mail_problem":"failed"'),
    );
    await desk.mailService("up");
    await page.reload();
    await says(section(page, "Team"), "Invitation failed");
    await press(page, `More actions for bob@${theme}.example.com`);
    await page.getByRole("menu").waitFor();
    await look(page);
    await page.getByRole("menuitem", { name: "Make an admin" }).click();
    await page.getByRole("alertdialog").waitFor();
    await look(page, "team-role");
    await press(page, "Cancel");
    await closed(page);
    await press(page, `Revoke access of bob@${theme}.example.com`);
    await page.getByRole("alertdialog").waitFor();
    await look(page, "team-revoke");
    await press(page, "Cancel");
    await closed(page);

    // Both limits, with the reason in sight.
    for (const name of ["iOS App", "Backend Staging"]) {
      assert.equal(
        (
          await page.request.post("/api/keys", { data: { name }, headers: { origin: desk.url } })
        ).status(),
        201,
      );
    }
    const last = { email: `carol@${theme}.example.com` };
    assert.equal(
      (
        await page.request.post("/api/team", { data: last, headers: { origin: desk.url } })
      ).status(),
      201,
    );
    await page.reload();
    for (const title of ["API keys", "Team"]) await says(section(page, title), "4 / 4");
    // The counts are the session's. The lists, and the reasons, come after them.
    await says(section(page, "API keys"), "The limit of 4 keys is reached.");
    await says(status, "Sandbox ready");
    await page.mouse.move(0, 0);
    await pointAt(page.getByRole("button", { name: "New API Key", disabled: true }));
    await page.locator(".tooltip").waitFor();
    await look(page, "limits");

    // Nothing comes back: told in a toast, with a Retry.
    await page.mouse.move(0, 0);
    allow(page, "POST /api/sandbox/test failed");
    await page.route("**/api/sandbox/test", (route) => route.abort("connectionreset"), {
      times: 1,
    });
    await press(page, "Test Connection");
    await page.getByRole("button", { name: "Retry", exact: true }).waitFor();
    await look(page, "toast");
    await press(page, "Retry");
    await says(page, "The reserved key works.");
    await look(page, "toast-done");
    allow(page, /^GET \/api\/\w+ failed$/);
    await page.context().setOffline(true);
    await says(page, "You are offline.");
    await look(page, "offline");
    await page.context().setOffline(false);

    // Slow: bones where rows will be.
    const load = await hold(page, /\/api\/(keys|team|sandbox)$/);
    await page.reload();
    await atConsole(page);
    await look(page, "loading");
    await load();
    await says(status, "Sandbox ready");

    // What happened, closed and open.
    await press(page, "Show activity");
    await says(section(page, "Activity"), "You created the key “Zapier Integration”");
    await look(page, "activity");
    await section(page, "Activity").getByRole("combobox").selectOption("Team");
    await says(section(page, "Activity"), `You invited bob@${theme}.example.com`);
    await look(page);
    await press(page, "Hide activity");

    // A colleague's keys, and what is left of them.
    const gone = `dora@${theme}.example.com`;
    const headers = { origin: desk.url };
    const { members } = await (await page.request.get("/api/team")).json();
    const bob = members.find((/** @type {{ email: string }} */ { email }) => /^bob@/.test(email));
    await page.request.delete(`/api/team/${bob.id}`, { headers });
    await page.request.post("/api/team", { data: { email: gone, role: "admin" }, headers });
    const api = desk.api(await desk.session(gone));
    const { keys } = (await api("GET", "/api/keys")).body;
    await page.request.delete(`/api/keys/${keys.at(-1).id}`, { headers });
    assert.equal((await api("POST", "/api/keys", { name: "Staging" })).status, 201);
    await page.reload();
    await press(page, `Revoke access of ${gone}`);
    await says(page, "Made 1 key: Staging. It stays valid.");
    await look(page);
    await press(page, "Revoke access");
    await page.getByRole("dialog", { name: `Keys that ${gone} made` }).waitFor();
    await look(page, "team-keys-left");
    await press(page, "Done");
    await closed(page);

    // Not there: told in its place.
    allow(page, "GET /api/keys failed");
    await page.route("**/api/keys", (route) => route.abort("connectionreset"));
    await page.reload();
    await says(section(page, "API keys"), "No answer came back.");
    await look(page, "not-loaded");
    await page.unroute("**/api/keys");
    await section(page, "API keys").getByRole("button", { name: "Retry" }).click();
    await page.getByRole("rowheader", { name: "iOS App" }).waitFor();

    // What a member sees of it.
    const theirs = await newPage(browser, desk, {
      t,
      viewport,
      colorScheme: theme,
      allow: [/ 401$/],
    });
    await logIn(theirs, desk, last.email);
    await says(section(theirs, "Sandbox status"), "Sandbox ready");
    await says(section(theirs, "API keys"), "You can see the keys; an admin manages them.");
    await look(theirs, "member");
    await press(theirs, "Your access");
    await theirs.getByRole("menu").waitFor();
    await look(theirs);
    await desk.session(last.email);
    await theirs.getByRole("menuitem", { name: "Where you are logged in" }).click();
    await theirs.getByRole("button", { name: "End all others" }).waitFor();
    await look(theirs, "sessions");
    await press(theirs, "Close");
    await closed(theirs);
    await press(theirs, "Your access");
    await theirs.getByRole("menuitem", { name: "Leave this account" }).click();
    await theirs.getByRole("alertdialog").waitFor();
    await look(theirs, "leave");
    await press(theirs, "Cancel");
    await closed(theirs);

    // And the login with a word about why.
    await desk.advance(13 * 60 * 60);
    await theirs.reload();
    await says(theirs, "Your session ended");
    await look(theirs, "session-ended");
  });

  test(`axe finds nothing on what is used of an account's limits (${at})`, async (t) => {
    const admin = `limited@${theme}.example.com`;
    const limits = { per_month: 40, per_minute: 600, burst: 100 };
    await desk.register({ name: "Northwind Audio", admin_email: admin, limits });
    await desk.productApi("up");
    const page = await newPage(browser, desk, { t, viewport, colorScheme: theme });
    await logIn(page, desk, admin);
    for (const name of ["Sandbox", admin]) await page.getByRole("rowheader", { name }).waitFor();
    await atRest(page);
    for (const [calls, words, name] of /** @type {const} */ ([
      [13, "Starts anew on", "usage"],
      [34, "85% used", "usage-near"],
      [40, "Used up", "usage-used-up"],
    ])) {
      await use(page, desk, calls);
      await says(section(page, "Usage"), `${calls} of 40 calls this month`);
      await says(section(page, "Usage"), words);
      await look(page, name);
    }
  });
}

test("everything can be done by keyboard alone, and the focus is always to be seen", async (t) => {
  const email = "ada@keyboard.example.com";
  const friend = "bob@keyboard.example.com";
  await desk.register({ name: "By keyboard", admin_email: email });
  await desk.productApi("up");
  await desk.mailService("up");
  const page = await newPage(browser, desk, { t });
  await page.goto(desk.url);
  const { keyboard } = page;

  /** What has the focus, as it is called. */
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement)) return "";
      const label =
        element.ariaLabel ??
        (element instanceof HTMLInputElement || element.role === "checkbox"
          ? /** @type {HTMLInputElement} */ (element).labels?.[0]?.textContent
          : null);
      return (label ?? element.textContent ?? "").trim();
    });

  /**
   * Tabs on to something, and looks at how each stop on the way is marked.
   *
   * @param {string | RegExp} name
   */
  async function tabTo(name) {
    /** @type {string[]} */
    const passed = [];
    for (let stops = 0; stops < 40; stops += 1) {
      await keyboard.press("Tab");
      const current = await focused();
      const marked = await page.evaluate(() => {
        const element = document.activeElement;
        if (!element || element === document.body) return true;
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
        return (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || boxShadow !== "none";
      });
      assert.ok(marked, `the focus on “${current}” cannot be seen`);
      if (typeof name === "string" ? current === name : name.test(current)) return;
      passed.push(current);
    }
    assert.fail(`Tab does not lead to ${name}; it passes ${passed.join(" | ")}`);
  }

  // The login. The address has the focus.
  await until("the focus in the field", async () => (await focused()) === "E-mail");
  await keyboard.type(email);
  await tabTo(/terms/);
  await keyboard.press("Space");
  await keyboard.press("Tab");
  assert.equal(await focused(), "Send Code");
  await keyboard.press("Enter");
  await until("the focus in the boxes", async () => (await focused()) === "Digit 1 of 6");
  await keyboard.type(await desk.codeFor(email));
  await atConsole(page);

  // The first stop is the way past the header.
  await page.reload();
  await atConsole(page);
  await says(page, "Sandbox ready");
  await keyboard.press("Tab");
  assert.equal(await focused(), "Skip to main content");
  await keyboard.press("Enter");
  await tabTo("Test Connection");
  await keyboard.press("Enter");
  await says(page, "The reserved key works.");

  // A key. Inside a dialog, Tab goes round.
  await tabTo("New API Key");
  await keyboard.press("Enter");
  await until("the focus in the dialog", async () => (await focused()) === "Name");
  await keyboard.type("iOS App");
  await tabTo("Cancel");
  await tabTo("Name");
  await keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Save your new API key" }).waitFor();
  await tabTo("Show key");
  await keyboard.press("Space");
  await tabTo("Copy key");
  await keyboard.press("Enter");
  await says(page, "Copied to the clipboard.");
  await tabTo(/I have copied/);
  await keyboard.press("Space");
  await tabTo("Got it, I saved it");
  await keyboard.press("Enter");
  await until("the focus back", async () => (await focused()) === "New API Key");
  await page.getByRole("rowheader", { name: "iOS App" }).waitFor();

  await tabTo("Delete iOS App");
  await keyboard.press("Enter");
  await until("the focus on the harmless button", async () => (await focused()) === "Cancel");
  await tabTo("Delete key");
  await keyboard.press("Enter");
  await isGone(page.getByRole("rowheader", { name: "iOS App" }));
  await until("the focus in the section", async () => (await focused()) === "API keys");

  // A colleague.
  await tabTo("Add member");
  await keyboard.press("Enter");
  await until("the focus in the dialog", async () => (await focused()) === "E-mail");
  await keyboard.type(friend);
  await keyboard.press("Enter");
  await page.getByRole("rowheader", { name: friend }).waitFor();
  await until("the focus back", async () => (await focused()) === "Add member");
  await tabTo(`Revoke access of ${friend}`);
  await keyboard.press("Space");
  await until("the focus on the harmless button", async () => (await focused()) === "Cancel");
  await tabTo("Revoke access");
  await keyboard.press("Space");
  await isGone(page.getByRole("rowheader", { name: friend }));
  await until("the focus in the section", async () => (await focused()) === "Team");

  await page.evaluate(() => document.getElementById("main")?.focus());
  await keyboard.press("Shift+Tab");
  assert.equal(await focused(), "Log out");
  await keyboard.press("Enter");
  await atLogin(page);
  await says(page, "You are logged out.");
});

test("who asked for less motion gets none; others see that something is at work", async (t) => {
  await desk.register({ name: "Motion", admin_email: "motion@example.com" });
  await desk.productApi("slow");
  for (const reducedMotion of /** @type {const} */ (["no-preference", "reduce"])) {
    const page = await newPage(browser, desk, { t, reducedMotion });
    await logIn(page, desk, "motion@example.com");
    if (reducedMotion === "no-preference") {
      await says(page, "Validating connection…");
      assert.ok(
        await page.evaluate(() =>
          document
            .getAnimations()
            .some((animation) => animation.effect?.getComputedTiming().iterations === Infinity),
        ),
      );
      continue;
    }
    await page.getByRole("button", { name: "New API Key" }).click();
    const moving = await page.evaluate(
      () =>
        document
          .getAnimations()
          .filter((animation) => Number(animation.effect?.getComputedTiming().endTime) > 1).length,
    );
    assert.equal(moving, 0);
  }
});

test("nothing has to be scrolled sideways at 320 px, with long names and addresses", async (t) => {
  const email = `${"a-very-long-address".repeat(3)}@subsidiary.of.a.company.example.com`;
  await desk.register({
    name: "The Company with the Very Long Name of Northern Westphalia",
    admin_email: email,
  });
  await desk.productApi("up");
  const page = await newPage(browser, desk, { t, viewport: { width: 320, height: 640 } });
  const fits = async (/** @type {string} */ where) =>
    assert.ok(
      await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      `${where} is wider than the screen`,
    );
  await page.goto(desk.url);
  await atLogin(page);
  await fits("the login");
  await askForCode(page, email);
  await fits("the code");
  await typeCode(page, await desk.codeFor(email));
  await says(page, "Sandbox ready");
  await page.getByRole("rowheader", { name: email }).waitFor();
  await press(page, "New API Key");
  await page.getByLabel("Name").fill("W".repeat(64));
  await page.getByLabel("Expiry").selectOption("A date");
  await fits("the new key's end");
  await page.getByLabel("Expiry").selectOption("Never");
  await fits("the new key's dialog");
  await press(page, "Create Key");
  await press(page, "Show key");
  await fits("the key's dialog");
  await page.getByRole("checkbox", { name: /I have copied/ }).click();
  await press(page, "Got it, I saved it");
  await page.getByRole("rowheader", { name: "W".repeat(64) }).waitFor();
  await fits("the page");
  await press(page, `Delete ${"W".repeat(64)}`);
  await fits("the question");
});
