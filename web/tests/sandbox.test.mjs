// The block "Sandbox status": every state and every reason, by making the product API misbehave.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  allow,
  atConsole,
  comeBack,
  deskAndBrowser,
  focusOn,
  logIn,
  newPage,
  says,
  startDesk,
  until,
} from "./support.mjs";

/** @import { Page, Request, Route } from "playwright-core" */

/** How the product API misbehaves, the reason that this gives, and the words that people read. */
const REASONS = /** @type {const} */ ([
  {
    mode: "rejecting",
    reason: "key_rejected",
    words: "The API refused the Sandbox’s reserved key.",
  },
  { mode: "failing", reason: "api_error", words: "The API answered with an error" },
  { mode: "slow", reason: "api_timeout", words: "The API did not answer in time" },
  {
    mode: "limiting",
    reason: "api_rate_limited",
    words: "The API takes no more requests right now",
  },
  { mode: "down", reason: "api_unreachable", words: "The API could not be reached" },
]);

/** What the server says of an account until its first provisioning. */
const NEVER_PROVISIONED = {
  state: "not_configured",
  reason: "never_provisioned",
  key_id: null,
  validated_at: null,
  since: new Date().toISOString(),
};

/** Answers so, at the server's time. @param {Route} route */
async function neverProvisioned(route) {
  await route.fulfill({ response: await route.fetch(), json: NEVER_PROVISIONED });
}

/** Gives a product API that does not answer up at once. @type {import("./support.mjs").Desk} */
let desk;
/** Waits for it long enough to be watched. @type {import("./support.mjs").Desk} */
let patient;
/** @type {import("playwright-core").Browser} */
let browser;
let accounts = 0;

deskAndBrowser((...both) => ([desk, browser] = both), { ProductApiTimeoutMs: 1000 });
before(async () => {
  patient = await startDesk({ set: { ProductApiTimeoutMs: 3500 } });
});
after(() => patient?.stop());

/**
 * A page of somebody with an account of their own.
 *
 * @param {import("node:test").TestContext} t
 */
async function somebody(t, where = desk) {
  accounts += 1;
  const email = `admin-${accounts}@sandbox.example.com`;
  await where.register({ name: `Account ${accounts}`, admin_email: email });
  const page = await newPage(browser, where, { t });
  await page.addInitScript(noteStates);
  return { page, email };
}

/** @param {Page} page */
const block = (page) => page.getByRole("region", { name: "Sandbox status" });

/** @typedef {"Validating connection…" | "Sandbox ready" | "Sandbox not configured"} Title */

/** What can be pressed in each state. @type {Record<Title, string[]>} */
const ACTIONS = {
  "Validating connection…": [],
  "Sandbox ready": ["Test Connection"],
  "Sandbox not configured": ["Retry Auto-Configuration"],
};

/**
 * Notes every state that the block shows, since one may be over before anybody comes to look. Runs
 * in the page, before anything of it.
 */
function noteStates() {
  /** @type {{ title: string | undefined, actions: string[] }[]} */
  const states = [];
  let looked = -1;
  const note = () => {
    const block = document.getElementById("sandbox");
    const words = block?.querySelector(".sandbox-title");
    const title = words?.checkVisibility() ? (words.textContent ?? undefined) : undefined;
    const actions = [...(block?.querySelectorAll("button") ?? [])].map(
      (button) => button.textContent,
    );
    if (JSON.stringify(states.at(-1)) !== JSON.stringify({ title, actions }))
      states.push({ title, actions });
  };
  new MutationObserver(note).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
  });
  globalThis.sandboxShown = (title) => {
    const rest = looked === states.length - 1 ? looked : looked + 1;
    const next = states.findIndex((state, index) => index >= rest && state.title === title);
    if (next >= 0) looked = next;
    return states[next]?.actions;
  };
}

/**
 * Waits for a state, by its title: the one that is shown, or one that was since the last that was
 * waited for. Looks at what could be pressed in it.
 *
 * @param {Page} page
 * @param {Title} title
 */
async function shows(page, title) {
  const actions = await page.waitForFunction((wanted) => globalThis.sandboxShown(wanted), title);
  assert.deepEqual(await actions.jsonValue(), ACTIONS[title], title);
}

/**
 * What the page sends to an address, as it goes on.
 *
 * @param {Page} page
 * @param {string} call
 */
function sent(page, call) {
  /** @type {number[]} */
  const times = [];
  page.on("request", (request) => {
    if (`${request.method()} ${new URL(request.url()).pathname}` === call)
      times.push(performance.now());
  });
  return times;
}

/**
 * The states that the server tells the page, as it goes on.
 *
 * @param {Page} page
 */
function told(page) {
  /** @type {Promise<string>[]} */
  const states = [];
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (response.request().method() === "GET" && pathname === "/api/sandbox")
      states.push(response.json().then(({ state }) => state));
  });
  return states;
}

/** @param {Page} page */
const keys = (page) => page.getByRole("region", { name: "API keys" });

/** @param {Page} page */
const sandbox = async (page) => (await page.request.get("/api/sandbox")).json();

test("after a login the Sandbox makes its key by itself: validating, and then ready", async (t) => {
  const { page, email } = await somebody(t, patient);
  const retries = sent(page, "POST /api/sandbox/provision");
  await patient.productApi("slow");
  await logIn(page, patient, email);
  await shows(page, "Validating connection…");
  await patient.productApi("up");
  await shows(page, "Sandbox ready");
  await says(block(page), /Last validated today at/);
  assert.deepEqual(retries, [], "no manual action is required");
  await keys(page).getByRole("row", { name: "Sandbox" }).waitFor();
});

test("a later login reuses the reserved key", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  const { key_id } = await sandbox(page);
  await page.getByRole("button", { name: "Log out" }).click();
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  assert.equal((await sandbox(page)).key_id, key_id);
  assert.equal(await keys(page).getByRole("rowheader").count(), 1);
});

for (const { mode, reason, words } of REASONS) {
  test(`API ${mode}: login and Test Connection lead to not configured, and say why`, async (t) => {
    const { page, email } = await somebody(t);
    await desk.productApi(mode);
    await logIn(page, desk, email);
    await shows(page, "Sandbox not configured");
    assert.equal((await sandbox(page)).reason, reason);
    await says(block(page), words);
    await says(
      block(page),
      "If it still fails, go to the API keys section and ensure at least one valid key exists, " +
        "then retry.",
    );

    await desk.productApi("up");
    await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
    await shows(page, "Validating connection…");
    await shows(page, "Sandbox ready");

    await desk.productApi(mode);
    await page.getByRole("button", { name: "Test Connection" }).click();
    await shows(page, "Validating connection…");
    await shows(page, "Sandbox not configured");
    assert.equal((await sandbox(page)).reason, reason);
    await says(block(page), words);
  });
}

test("Retry Auto-Configuration that fails again says so again", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("rejecting");
  await logIn(page, desk, email);
  await shows(page, "Sandbox not configured");
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  await shows(page, "Validating connection…");
  await shows(page, "Sandbox not configured");
  await says(block(page), "The API refused the Sandbox’s reserved key.");
});

test("Test Connection validates the reserved key now, and says that it works", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  const before = await sandbox(page);
  await page.getByRole("button", { name: "Test Connection" }).click();
  await shows(page, "Validating connection…");
  await shows(page, "Sandbox ready");
  await says(page, "The reserved key works.");
  const now = await sandbox(page);
  assert.equal(now.key_id, before.key_id);
  assert.ok(now.validated_at > before.validated_at, "it was validated");
});

test("that the key works is not said any longer than it does", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  await page.getByRole("button", { name: "Test Connection" }).click();
  const works = page.locator(".toast", { hasText: "The reserved key works." });
  // One that is pointed at does not go by itself.
  await works.hover();
  const { key_id } = await sandbox(page);
  const headers = { origin: desk.url };
  assert.equal((await page.request.delete(`/api/keys/${key_id}`, { headers })).status(), 204);
  await comeBack(page);
  await shows(page, "Sandbox not configured");
  await works.waitFor({ state: "detached" });
});

test("the focus stays in the block without its button, and the outcome is read out", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  await page.getByRole("button", { name: "Test Connection" }).press("Enter");
  await shows(page, "Validating connection…");
  const status = block(page).getByRole("status");
  await focusOn(status);
  await shows(page, "Sandbox ready");
  // The button stands before it, in the heading's line.
  await page.keyboard.press("Shift+Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Test Connection");
});

test("a deleted key reads not configured until auto-configuration runs again", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  const { key_id } = await sandbox(page);
  assert.equal(
    (await page.request.delete(`/api/keys/${key_id}`, { headers: { origin: desk.url } })).status(),
    204,
  );
  await page.reload();
  await shows(page, "Sandbox not configured");
  await says(block(page), "The Sandbox’s reserved key was deleted.");
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  await shows(page, "Sandbox ready");
  assert.notEqual((await sandbox(page)).key_id, key_id);
});

test("an account that auto-configuration never reached says so", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  // No desk is that slow. The one answer of these tests that is written by hand is the one before
  // the first provisioning.
  await desk.advance(11);
  await page.route("**/api/sandbox", neverProvisioned, { times: 1 });
  const tests = sent(page, "POST /api/sandbox/test");
  await page.reload();
  await shows(page, "Sandbox not configured");
  await says(block(page), "The Sandbox has not been set up yet.");
  assert.deepEqual(tests, [], "there is nothing to validate");
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  await shows(page, "Sandbox ready");
});

test("a reload right after the login goes on waiting for the post-login trigger", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  // As the server answers until the trigger has started, however fast this desk is.
  let answers = 0;
  await page.route("**/api/sandbox", async (route) => {
    await neverProvisioned(route);
    answers += 1;
  });
  await logIn(page, desk, email);
  await until("an answer", async () => answers > 0);
  const before = answers;
  await page.reload();
  await until("an answer after the reload", async () => answers > before);
  await shows(page, "Validating connection…");
  await page.unroute("**/api/sandbox");
  await shows(page, "Sandbox ready");
});

for (const [name, ahead] of /** @type {const} */ ([
  ["8 seconds fast", 8],
  ["8 seconds slow", -8],
  ["a day fast", 86_400],
  ["a day slow", -86_400],
])) {
  test(`a browser’s clock that is ${name} changes nothing about the Sandbox`, async (t) => {
    const { page, email } = await somebody(t);
    await desk.productApi("up");
    await page.clock.install({ time: Date.now() + ahead * 1000 });
    const tests = sent(page, "POST /api/sandbox/test");
    const answers = told(page);
    await logIn(page, desk, email);
    await shows(page, "Sandbox ready");
    const states = await Promise.all(answers);
    assert.equal(states.filter((state) => state === "ready").length, 1, states.join(", "));
    assert.deepEqual(tests, [], "the login’s own verdict is a moment old");
    await desk.advance(16);
    await page.reload();
    await until("the test", async () => tests.length === 1);
    await shows(page, "Sandbox ready");
    await says(block(page), "Last validated today at");
  });
}

test("a page load validates, unless the last result is younger than 15 seconds", async (t) => {
  const { page, email } = await somebody(t, patient);
  await patient.productApi("up");
  await logIn(page, patient, email);
  await shows(page, "Sandbox ready");
  const tests = sent(page, "POST /api/sandbox/test");
  await page.reload();
  await shows(page, "Sandbox ready");
  await keys(page).getByRole("row", { name: "Sandbox" }).waitFor();
  assert.equal(tests.length, 0, "validated a moment ago");

  // The answer takes its time, so that the state can be seen.
  await patient.advance(15);
  await patient.productApi("slow");
  await page.reload();
  await shows(page, "Validating connection…");
  await until("the test", async () => tests.length === 1);
  await patient.productApi("up");
  await shows(page, "Sandbox ready");
  assert.equal(tests.length, 1);
});

test("a page load that cannot validate shows no old result, and can be tried again", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  await desk.productApi("rejecting");
  await desk.advance(16);
  allow(page, "POST /api/sandbox/test failed");
  await page.route("**/api/sandbox/test", (route) => route.abort("connectionfailed"));
  await page.reload();
  await says(block(page), "No answer came back. Check your connection and try again.");
  assert.equal(await block(page).getByText("Sandbox ready").count(), 0);
  await page.unroute("**/api/sandbox/test");
  await block(page).getByRole("button", { name: "Retry" }).click();
  await shows(page, "Sandbox not configured");
});

test("a page load finds out what happened to the connection meanwhile", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  await desk.productApi("rejecting");
  await desk.advance(16);
  await page.reload();
  await shows(page, "Sandbox not configured");
  await says(block(page), "The API refused the Sandbox’s reserved key.");
  // A rejected key is replaced.
  const { key_id } = await sandbox(page);
  await desk.productApi("up");
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  await shows(page, "Sandbox ready");
  assert.equal((await sandbox(page)).key_id, key_id, "the key keeps its row and gets a new secret");
});

test("the page polls while validating, less and less often, and stops", async (t) => {
  const { page, email } = await somebody(t, patient);
  await page.clock.install();
  await patient.productApi("slow");
  await logIn(page, patient, email);
  await shows(page, "Validating connection…");
  // By the page's own clock, which stands still while an answer is on its way.
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1000));
  /** @type {Promise<number>[]} */
  const asked = [];
  /** @type {Set<Request>} */
  const open = new Set();
  page.on("request", (request) => {
    if (new URL(request.url()).pathname !== "/api/sandbox") return;
    open.add(request);
    asked.push(page.evaluate(() => Date.now()));
  });
  page.on("requestfinished", (request) => open.delete(request));
  await until("three polls", async () => {
    if (open.size === 0) await page.clock.runFor(100);
    return asked.length >= 3;
  });
  const polls = await Promise.all(asked);
  await page.clock.resume();
  await patient.productApi("up");
  await shows(page, "Sandbox ready");
  const gaps = polls.slice(1).map((time, index) => time - (polls[index] ?? Number.NaN));
  for (const [index, gap] of gaps.entries()) {
    assert.ok(gap > 600, `polls ${gap} ms apart`);
    const before = gaps[index - 1];
    if (before !== undefined) assert.ok(gap > before, `gaps grow: ${gaps.join(", ")} ms`);
  }
  const whenReady = asked.length;
  await page.clock.fastForward(600_000);
  await page.clock.runFor(30_000);
  assert.equal(asked.length, whenReady, "ready: nothing is asked any more");
});

test("a member sees the Sandbox, and may test it and retry", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  const admin = desk.api(await desk.session(email));
  const member = `member-${accounts}@sandbox.example.com`;
  assert.equal((await admin("POST", "/api/team", { email: member })).status, 201);
  await logIn(page, desk, member);
  await shows(page, "Sandbox ready");
  await desk.productApi("failing");
  await page.getByRole("button", { name: "Test Connection" }).click();
  await shows(page, "Sandbox not configured");
  await desk.productApi("up");
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  await shows(page, "Sandbox ready");
});

test("the hint leads to the API keys", async (t) => {
  const { page, email } = await somebody(t);
  await page.setViewportSize({ width: 375, height: 500 });
  await desk.productApi("failing");
  await logIn(page, desk, email);
  await shows(page, "Sandbox not configured");
  await block(page).getByRole("link", { name: "API keys" }).click();
  await until("the section in sight", () =>
    keys(page)
      .getByRole("heading")
      .evaluate((heading) => {
        const { top } = heading.getBoundingClientRect();
        return top >= 0 && top < innerHeight / 2;
      }),
  );
});

test("a test overtaken by its key's deletion says so; the state is right at once", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  const { key_id } = await sandbox(page);
  assert.equal(
    (await page.request.delete(`/api/keys/${key_id}`, { headers: { origin: desk.url } })).status(),
    204,
  );
  allow(page, "POST /api/sandbox/test 409");
  await page.getByRole("button", { name: "Test Connection" }).click();
  await says(page, "The Sandbox is not ready. Retry its auto-configuration first.");
  await shows(page, "Sandbox not configured");
});

test("a state that cannot be had says so, with a Retry in its place", async (t) => {
  const { page, email } = await somebody(t);
  await desk.productApi("up");
  await logIn(page, desk, email);
  await shows(page, "Sandbox ready");
  allow(page, "GET /api/sandbox failed");
  await page.route("**/api/sandbox", (route) => route.abort("connectionfailed"));
  await page.reload();
  await atConsole(page);
  await says(block(page), "No answer came back. Check your connection and try again.");
  await page.unroute("**/api/sandbox");
  await block(page).getByRole("button", { name: "Retry" }).click();
  await shows(page, "Sandbox ready");
});

test("a validation that never ends reads as not configured after a minute", async (t) => {
  const { page, email } = await somebody(t, patient);
  await patient.productApi("failing");
  await logIn(page, patient, email);
  await shows(page, "Sandbox not configured");
  await patient.productApi("slow");
  const asked = page.waitForResponse("**/api/sandbox/provision");
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  const { since } = await (await asked).json();
  await until("the validation to begin", async () => (await sandbox(page)).since !== since);
  await shows(page, "Validating connection…");
  await patient.advance(61);
  await shows(page, "Sandbox not configured");
  await says(block(page), "The last validation did not come to an end.");
  await patient.productApi("up");
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  await shows(page, "Sandbox ready");
});
