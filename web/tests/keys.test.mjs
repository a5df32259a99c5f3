// The block "API keys": making, showing once, keeping within the limit, deleting; and what members
// see of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  atRest,
  clipboard,
  comeBack,
  deskAndBrowser,
  focusOn,
  hold,
  isGone,
  logIn,
  loseAnswers,
  newPage,
  newTab,
  onTop,
  pointAt,
  requests,
  says,
  tookBack,
  until,
} from "./support.mjs";

/** @import { Page } from "playwright-core" */
/** @import { TestContext } from "node:test" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

deskAndBrowser((...both) => ([desk, browser] = both));

/**
 * The page of an admin with an account of their own, logged in, with the Sandbox's key in the list.
 *
 * @param {TestContext} t
 * @param {{ key_limit?: number }} [limits]
 */
async function admin(t, limits = {}) {
  const page = await newPage(browser, desk, { t });
  await logIn(page, desk, await desk.newAdmin(limits));
  await row(page, "Sandbox").waitFor();
  await atRest(page);
  return page;
}

/** @param {Page} page */
const block = (page) => page.getByRole("region", { name: "API keys" });

/** @param {Page} page @param {string} name */
const row = (page, name) =>
  block(page)
    .getByRole("row")
    .filter({ has: page.getByRole("rowheader", { name }) });

/** The names in the list, from the top. @param {Page} page */
const names = (page) => block(page).locator("tbody .cell-name").allTextContents();

/** @param {Page} page */
const viewer = (page) => page.getByRole("dialog", { name: "Save your new API key" });

/** @param {Page} page */
const question = (page) => page.getByRole("alertdialog", { name: "Close without saving the key?" });

/** Up to the viewing modal. @param {Page} page @param {string} name */
async function create(page, name) {
  await page.getByRole("button", { name: "New API Key" }).click();
  await page.getByRole("dialog", { name: "New API key" }).getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Create Key" }).click();
  await viewer(page).waitFor();
}

/** The value in the viewing modal; reveals it. @param {Page} page */
async function reveal(page) {
  await viewer(page).getByRole("button", { name: "Show key" }).click();
  const key = (await viewer(page).locator("code").textContent()) ?? "";
  assert.match(key, /^fd_live_[0-9A-Za-z]{40,}$/);
  return key;
}

/** @param {Page} page */
async function gotIt(page) {
  await viewer(page)
    .getByRole("checkbox", { name: "I have copied and saved this key in a safe place." })
    .click();
  await viewer(page).getByRole("button", { name: "Got it, I saved it" }).click();
  await viewer(page).waitFor({ state: "hidden" });
  await tookBack(page);
}

/** @param {Page} page @param {string} name */
const api = async (page, name) =>
  (await (await page.request.get("/api/keys")).json()).keys.filter(
    (/** @type {{ name: string }} */ key) => key.name === name,
  );

/** Makes a key beside the page. @param {Page} page @param {string} name */
async function made(page, name) {
  const answer = await page.request.post("/api/keys", {
    data: { name },
    headers: { origin: desk.url },
  });
  assert.equal(answer.status(), 201);
  return answer.json();
}

test("Create Key with a name opens the viewing modal by itself, and the key works", async (t) => {
  const page = await admin(t);
  await page.getByRole("button", { name: "New API Key" }).click();
  const name = page.getByRole("dialog", { name: "New API key" }).getByLabel("Name");
  await focusOn(name);
  await name.fill("Zapier Integration");
  await page.getByRole("button", { name: "Create Key" }).click();
  await viewer(page).waitFor();
  await says(
    viewer(page),
    "This is the only time the full value of Zapier Integration is shown. " +
      "Once you close this, it cannot be retrieved.",
  );
  const key = await reveal(page);
  assert.equal((await desk.callProduct(key)).status, 200);
  await gotIt(page);
  await row(page, "Zapier Integration").waitFor();
  await until("the focus back at the button", () =>
    page
      .getByRole("button", { name: "New API Key" })
      .evaluate((button) => button === document.activeElement),
  );
});

test("a name is required, of at most 64 characters, before anything is sent", async (t) => {
  const page = await admin(t);
  const sent = requests(page, "POST");
  await page.getByRole("button", { name: "New API Key" }).click();
  const dialog = page.getByRole("dialog", { name: "New API key" });
  const name = dialog.getByLabel("Name");
  assert.equal(await name.getAttribute("required"), "");
  for (const [text, words] of /** @type {const} */ ([
    ["", "Give the key a name."],
    ["   ", "Give the key a name."],
    ["x".repeat(65), "A name has at most 64 characters; this one has 65."],
  ])) {
    await name.fill(text);
    await page.getByRole("button", { name: "Create Key" }).click();
    await says(dialog.getByRole("alert"), words);
    assert.equal(await name.getAttribute("aria-invalid"), "true");
    await focusOn(name);
  }
  assert.equal(sent.length, 0);
  // What only the server refuses is told at the field, too.
  allow(page, "POST /api/keys 400");
  await name.fill("Right‮to left");
  await page.getByRole("button", { name: "Create Key" }).click();
  await says(
    dialog.getByRole("alert"),
    "Give a name of 1 to 64 characters, none of them invisible.",
  );
  await name.fill("🔑".repeat(64));
  await page.getByRole("button", { name: "Create Key" }).click();
  await gotIt(page);
  await row(page, "🔑".repeat(64)).waitFor();
});

test("the key is masked until a click on the eye icon, and again after another", async (t) => {
  const page = await admin(t);
  await create(page, "Masked");
  const value = viewer(page).locator("code");
  assert.match((await value.textContent()) ?? "", /^•+$/);
  const width = (await viewer(page).boundingBox())?.width;
  const key = await reveal(page);
  assert.equal((await viewer(page).boundingBox())?.width, width, "nothing moves");
  await viewer(page).getByRole("button", { name: "Hide key" }).click();
  assert.equal(await value.textContent(), "•".repeat(key.length));
});

test("Copy key puts the key on the clipboard, revealed or not, and says so", async (t) => {
  const page = await admin(t);
  await create(page, "Copied");
  await viewer(page).getByRole("button", { name: "Copy key" }).click();
  await says(viewer(page).getByRole("status"), "Copied to the clipboard.");
  const key = await reveal(page);
  // The page itself may not read the clipboard: it is pasted elsewhere.
  const elsewhere = await newTab(page);
  await elsewhere.setContent("<textarea autofocus></textarea>");
  await elsewhere.locator("textarea").press("ControlOrMeta+V");
  assert.equal(await elsewhere.locator("textarea").inputValue(), key);
});

test("where the browser refuses the clipboard, the key is ready for a copy by hand", async (t) => {
  const page = await admin(t);
  await create(page, "Not copied");
  await page.evaluate(() => {
    navigator.clipboard.writeText = () =>
      Promise.reject(new DOMException("not here", "NotAllowedError"));
  });
  await viewer(page).getByRole("button", { name: "Copy key" }).click();
  await says(viewer(page).getByRole("status"), "Your browser does not let this page copy.");
  const key = await viewer(page).locator("code").textContent();
  assert.match(key ?? "", /^fd_live_/);
  await until(
    "the selection",
    async () => (await page.evaluate(() => String(getSelection()))) === key,
  );
});

test("beside a new key stands a call of the product, with the key as a variable", async (t) => {
  const page = await admin(t);
  await create(page, "Called");
  const key = await reveal(page);
  const call = viewer(page).locator("pre");
  assert.match(
    (await call.textContent()) ?? "",
    /^curl -X POST 'https?:\/\/\S+' -H "x-api-key: \$API_KEY" -H "content-type: \S+" -d '{}'$/,
  );
  await viewer(page).getByRole("button", { name: "Copy command" }).click();
  await says(viewer(page), "The command is copied.");
  const copied = await clipboard(page);
  assert.equal(copied, await call.textContent());
  assert.ok(!copied.includes(key));
});

/** @param {Page} page */
const copySandboxKey = (page) =>
  row(page, "Sandbox").getByRole("button", { name: "Copy Sandbox key" }).click();

test("admins and members copy the Sandbox key from its row, and it is not shown", async (t) => {
  const page = await admin(t);
  const member = desk.newAddress("member");
  const headers = { origin: desk.url };
  await page.request.post("/api/team", { data: { email: member }, headers });
  const theirs = await newPage(browser, desk, { t });
  await logIn(theirs, desk, member);
  for (const each of [page, theirs]) {
    await row(each, "Sandbox").waitFor();
    await copySandboxKey(each);
    await says(each, "The Sandbox key is copied to the clipboard.");
    const key = await clipboard(each);
    assert.match(key, /^fd_sandbox_[0-9A-Za-z]{40,}$/);
    assert.equal((await desk.callProduct(key)).status, 200);
    const secret = key.slice(-30);
    assert.ok(!(await each.content()).includes(secret));
    const debug = await each.context().newCDPSession(each);
    await until("the memory to be free of it", async () => !(await heap(debug)).includes(secret));
  }
});

test("where the clipboard is refused, the Sandbox key is shown for a copy by hand", async (t) => {
  const page = await admin(t);
  await page.evaluate(() => {
    navigator.clipboard.write = () =>
      Promise.reject(new DOMException("not here", "NotAllowedError"));
  });
  await copySandboxKey(page);
  const shown = page.getByRole("dialog", { name: "Sandbox key" });
  await shown.getByRole("button", { name: "Show key" }).click();
  const key = (await shown.locator("code").textContent()) ?? "";
  assert.match(key, /^fd_sandbox_[0-9A-Za-z]{40,}$/);
  // It can be had again: nothing is asked.
  await page.keyboard.press("Escape");
  await isGone(shown);
  assert.ok(!(await page.content()).includes(key));
});

test("a Sandbox key that cannot be had says why", async (t) => {
  const page = await admin(t);
  allow(page, "POST /api/sandbox/key failed", "POST /api/sandbox/key 409");
  await page.route("**/api/sandbox/key", (route) => route.abort("connectionreset"), { times: 1 });
  await copySandboxKey(page);
  await says(page, "No answer came back. Check your connection and try again.");
  const [{ id }] = await api(page, "Sandbox");
  await page.request.delete(`/api/keys/${id}`, { headers: { origin: desk.url } });
  await copySandboxKey(page);
  await isGone(row(page, "Sandbox"));
  await says(page, /Sandbox/);
  assert.equal(await page.getByRole("dialog").count(), 0);
});

test("Got it, I saved it works only once the box is ticked", async (t) => {
  const page = await admin(t);
  await create(page, "Ticked");
  const done = viewer(page).getByRole("button", { name: "Got it, I saved it" });
  const box = viewer(page).getByRole("checkbox", {
    name: "I have copied and saved this key in a safe place.",
  });
  assert.ok(await done.isDisabled());
  await box.click();
  assert.ok(await done.isEnabled());
  await box.click();
  assert.ok(await done.isDisabled());
  await viewer(page).getByText("I have copied and saved this key in a safe place.").click();
  await done.click();
  await viewer(page).waitFor({ state: "hidden" });
});

test("Escape, a click beside it and the back button ask before the modal closes", async (t) => {
  const page = await admin(t);
  await create(page, "Held");
  const key = await reveal(page);
  /** Back at the key, which is there, and has the focus. */
  const atKey = async () => {
    await question(page).waitFor({ state: "hidden" });
    await onTop(viewer(page));
    await until("the focus at the key", () =>
      viewer(page).evaluate((dialog) => dialog.contains(document.activeElement)),
    );
    assert.equal(await viewer(page).locator("code").textContent(), key);
  };
  for (const leave of [
    () => page.keyboard.press("Escape"),
    () => page.mouse.click(5, 5),
    () => page.evaluate(() => history.back()),
    () => page.evaluate(() => history.back()),
  ]) {
    await leave();
    await question(page).waitFor();
    await question(page).getByRole("button", { name: "Back to the key" }).click();
    await atKey();
  }
  // Escape in the question is a way back, not a way out.
  await page.keyboard.press("Escape");
  await question(page).waitFor();
  const back = question(page).getByRole("button", { name: "Back to the key" });
  await focusOn(back);
  await onTop(question(page));
  await page.keyboard.press("Escape");
  await atKey();

  await page.mouse.click(5, 5);
  await question(page).getByRole("button", { name: "Close anyway" }).click();
  await viewer(page).waitFor({ state: "hidden" });
  await row(page, "Held").waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
});

test("a reload asks before the key is lost, and nothing else of the page does", async (t) => {
  const page = await admin(t);
  await page.reload();
  await create(page, "Reloaded");
  /** @type {string[]} */
  const asked = [];
  page.on("dialog", async (dialog) => {
    asked.push(dialog.type());
    await (asked.length === 1 ? dialog.dismiss() : dialog.accept());
  });
  await page.evaluate(() => setTimeout(() => location.reload()));
  await until("the browser's question", async () => asked.length === 1);
  const key = await reveal(page);
  await page.evaluate(() => setTimeout(() => location.reload()));
  await until("the browser's question", async () => asked.length === 2);
  await row(page, "Reloaded").waitFor();
  assert.equal(await viewer(page).count(), 0);
  assert.deepEqual(asked, ["beforeunload", "beforeunload"]);
  assert.equal((await desk.callProduct(key)).status, 200, "the key is not taken back");
  await page.reload();
  assert.equal(asked.length, 2);
});

test("no address, storage or log has a key; page and memory lose it with the modal", async (t) => {
  const page = await admin(t);
  /** @type {string[]} */
  const written = [];
  page.on("console", (message) => written.push(message.text()));
  page.on("request", (request) =>
    written.push(request.url(), request.postData() ?? "", JSON.stringify(request.headers())),
  );
  await create(page, "Secret");
  await viewer(page).getByRole("button", { name: "Copy key" }).click();
  await says(viewer(page).getByRole("status"), "Copied to the clipboard.");
  const key = await reveal(page);
  const debug = await page.context().newCDPSession(page);
  const secret = key.slice(-30);

  const kept = () =>
    page.evaluate(async () =>
      JSON.stringify([
        location.href,
        history.state,
        document.title,
        document.cookie,
        { ...localStorage },
        { ...sessionStorage },
        await indexedDB.databases(),
        await caches.keys(),
        performance.getEntries(),
      ]),
    );
  assert.ok((await heap(debug)).includes(secret), "while it is shown, it is there to be found");
  assert.ok(!(await kept()).includes(secret));
  await gotIt(page);
  await row(page, "Secret").waitFor();
  assert.ok(!(await kept()).includes(secret));
  assert.ok(!(await page.content()).includes(secret));
  assert.deepEqual(
    written.filter((text) => text.includes(secret)),
    [],
  );
  assert.ok(!desk.log().includes(secret));
  await until("the memory to be free of it", async () => !(await heap(debug)).includes(secret));
});

/**
 * Every text that the page's scripts still hold.
 *
 * @param {import("playwright-core").CDPSession} debug
 */
async function heap(debug) {
  let snapshot = "";
  const collect = (/** @type {{ chunk: string }} */ { chunk }) => (snapshot += chunk);
  debug.on("HeapProfiler.addHeapSnapshotChunk", collect);
  await debug.send("HeapProfiler.collectGarbage");
  await debug.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  debug.off("HeapProfiler.addHeapSnapshotChunk", collect);
  return snapshot;
}

test("a key that was closed cannot be had again from the console", async (t) => {
  const page = await admin(t);
  await create(page, "Once");
  const key = await reveal(page);
  await gotIt(page);
  await page.reload();
  await row(page, "Once").waitFor();
  assert.deepEqual(
    await row(page, "Once")
      .getByRole("button")
      .evaluateAll((buttons) => buttons.map((button) => button.ariaLabel)),
    ["More actions for Once", "Delete Once"],
  );
  const shown = await row(page, "Once").locator("code").textContent();
  assert.ok(
    shown && key.startsWith(shown.replace("…", "")) && shown.length < 25,
    "no more than its beginning",
  );
});

test("a retry after a lost answer shows the same key and takes no second place", async (t) => {
  const page = await admin(t);
  allow(page, "POST /api/keys failed");
  /** @type {(string | undefined)[]} */
  const attempts = [];
  /** @type {string | undefined} */
  let lost;
  await page.route("**/api/keys", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    attempts.push(route.request().headers()["idempotency-key"]);
    if (attempts.length > 1) return route.continue();
    // The server does it; the answer never arrives.
    lost = (await (await route.fetch()).json()).api_key;
    return route.abort("connectionreset");
  });
  await page.getByRole("button", { name: "New API Key" }).click();
  const dialog = page.getByRole("dialog", { name: "New API key" });
  await dialog.getByLabel("Name").fill("Lost once");
  await page.getByRole("button", { name: "Create Key" }).click();
  await says(dialog, "No answer came back. Check your connection and try again.");
  assert.equal(await dialog.getByLabel("Name").inputValue(), "Lost once");
  await page.getByRole("button", { name: "Create Key" }).click();
  await viewer(page).waitFor();
  assert.equal(await reveal(page), lost);
  await gotIt(page);
  assert.equal(attempts[0], attempts[1]);
  assert.match(attempts[0] ?? "", /^[0-9a-f-]{36}$/);
  assert.equal((await api(page, "Lost once")).length, 1);
  await says(block(page), "2 / 10");

  // The next key is another attempt, of the same name or not.
  await page.getByRole("button", { name: "New API Key" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Lost once");
  await page.getByRole("button", { name: "Create Key" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Create another" }).click();
  await viewer(page).waitFor();
  await gotIt(page);
  assert.notEqual(attempts[2], attempts[1]);
  assert.equal((await api(page, "Lost once")).length, 2);
});

test("a name that a key has already is asked about once, and not forbidden", async (t) => {
  const page = await admin(t);
  await made(page, "Twice");
  await page.reload();
  await row(page, "Twice").waitFor();
  await page.getByRole("button", { name: "New API Key" }).click();
  const name = page.getByRole("dialog").getByLabel("Name");
  await name.fill(" Twice ");
  await page.getByRole("button", { name: "Create Key" }).click();
  const ask = page.getByRole("alertdialog", { name: "There is a key of this name already" });
  await onTop(ask);
  await ask.getByRole("button", { name: "Change the name" }).click();
  await focusOn(name);
  // Whoever sends it as it is has been asked.
  await name.press("Enter");
  await gotIt(page);
  await until("both", async () => (await names(page)).filter((is) => is === "Twice").length === 2);
});

test("a name that is changed after a lost answer is another key", async (t) => {
  const page = await admin(t);
  allow(page, "POST /api/keys failed");
  await loseAnswers(page, "POST /api/keys");
  await page.getByRole("button", { name: "New API Key" }).click();
  const dialog = page.getByRole("dialog", { name: "New API key" });
  await dialog.getByLabel("Name").fill("First name");
  await page.getByRole("button", { name: "Create Key" }).click();
  await says(dialog, "No answer came back.");
  await dialog.getByLabel("Name").fill("Second name");
  await page.getByRole("button", { name: "Create Key" }).click();
  await gotIt(page);
  await row(page, "Second name").waitFor();
  await row(page, "First name").waitFor();
});

test("Name, Created on, Actions; on top the Sandbox key with badge, then the newest", async (t) => {
  const page = await admin(t);
  await made(page, "iOS App");
  await desk.advance(1);
  await made(page, "Backend Staging");
  await page.reload();
  await row(page, "Backend Staging").waitFor();
  assert.deepEqual(await block(page).getByRole("columnheader").allTextContents(), [
    "Name",
    "Created on",
    "Last used",
    "Expires",
    "Actions",
  ]);
  assert.deepEqual(await names(page), ["Sandbox", "Backend Staging", "iOS App"]);
  const badge = { has: page.locator(".badge", { hasText: "Sandbox" }) };
  assert.deepEqual(
    await block(page).locator("tbody tr").filter(badge).locator(".cell-name").allTextContents(),
    ["Sandbox"],
  );
  const [{ created_at }] = await api(page, "iOS App");
  const time = row(page, "iOS App").getByRole("time");
  assert.equal(await time.getAttribute("datetime"), created_at);
  // As the reader writes it: newPage says who that is.
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
  assert.equal(await time.textContent(), day.format(new Date(created_at)));
});

test("at 10 of 10 keys, New API Key is disabled and says why; a deletion makes room", async (t) => {
  const page = await admin(t);
  for (let count = 2; count <= 10; count += 1) await made(page, `Key ${count}`);
  await page.reload();
  const button = page.getByRole("button", { name: "New API Key" });
  await page
    .getByRole("button", {
      name: "New API Key",
      disabled: true,
      description: /The limit of 10 keys is reached/,
    })
    .waitFor();
  await says(block(page), "10 / 10");
  await says(block(page), "The limit of 10 keys is reached. Delete a key to create another.");
  // It can be reached and pointed at, to say why; it does nothing.
  await pointAt(button);
  await says(page.locator(".tooltip"), "The limit of 10 keys is reached.");
  await button.click({ force: true });
  await button.press("Enter");
  assert.equal(await page.getByRole("dialog").count(), 0);

  await page.getByRole("button", { name: "Delete Key 7" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete key" }).click();
  await isGone(row(page, "Key 7"));
  await says(block(page), "9 / 10");
  await create(page, "In its place");
  await gotIt(page);
  await says(block(page), "10 / 10");
});

test("a pointer on New API Key before the list is there is told why it is disabled", async (t) => {
  const page = await admin(t, { key_limit: 2 });
  await made(page, "The last one");
  const load = await hold(page, "**/api/keys");
  await page.reload();
  await pointAt(page.getByRole("button", { name: "New API Key" }));
  assert.equal(await page.locator(".tooltip").count(), 0, "nothing is known yet");
  await load();
  await says(page.locator(".tooltip"), "The limit of 2 keys is reached.");
});

test("New API Key keeps the focus when the list comes back full", async (t) => {
  const page = await admin(t, { key_limit: 2 });
  await page.getByRole("button", { name: "New API Key" }).focus();
  await made(page, "The last one");
  await comeBack(page);
  await says(block(page), "The limit of 2 keys is reached.");
  await focusOn(page.getByRole("button", { name: "New API Key", disabled: true }));
});

test("the place of the Sandbox key is held while the key is gone", async (t) => {
  const page = await admin(t, { key_limit: 2 });
  await made(page, "The other one");
  await page.getByRole("button", { name: "Delete Sandbox" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete key" }).click();
  await isGone(row(page, "Sandbox"));
  await says(block(page), "1 / 2");
  await says(
    block(page),
    "The limit of 2 keys is reached: one place is held for the Sandbox key. " +
      "Delete a key to create another.",
  );
  await page.getByRole("button", { name: "New API Key", disabled: true }).waitFor();
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  await row(page, "Sandbox").waitFor();
  await says(block(page), "2 / 2");
});

test("a limit reached meanwhile is told in the dialog, and seen on the page", async (t) => {
  const page = await admin(t, { key_limit: 2 });
  await page.getByRole("button", { name: "New API Key" }).click();
  await made(page, "Faster");
  allow(page, "POST /api/keys 409");
  const dialog = page.getByRole("dialog", { name: "New API key" });
  await dialog.getByLabel("Name").fill("Slower");
  await page.getByRole("button", { name: "Create Key" }).click();
  await says(
    dialog,
    "The account has as many API keys as it may. Delete one that is not used any more.",
  );
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await row(page, "Faster").waitFor();
  await page.getByRole("button", { name: "New API Key", disabled: true }).waitFor();
});

test("a name with markup in it is a text wherever it stands", async (t) => {
  const page = await admin(t);
  const name = "<img src=x onerror=alert(1)><b>Bold</b>";
  await create(page, name);
  await says(viewer(page), `This is the only time the full value of ${name} is shown.`);
  await gotIt(page);
  await says(row(page, name), name);
  await page.getByRole("button", { name: `Delete ${name}` }).click();
  await says(page.getByRole("alertdialog"), name);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Show activity" }).click();
  await says(page.getByRole("region", { name: "Activity" }), `You created the key “${name}”`);
  assert.equal(await page.locator("img, b b").count(), 0);
});

test("the trash icon asks, names what stops working, and deletes once confirmed", async (t) => {
  const page = await admin(t);
  await create(page, "Doomed");
  const key = await reveal(page);
  await gotIt(page);
  const trash = page.getByRole("button", { name: "Delete Doomed" });
  const ask = page.getByRole("alertdialog", { name: "Delete “Doomed”?" });
  const [{ start }] = await api(page, "Doomed");

  await trash.click();
  await says(ask, `Everything that calls the API with the key ${start}… stops working at once.`);
  await says(ask, "This action cannot be undone.");
  for (const back of [
    () => ask.getByRole("button", { name: "Cancel" }).click(),
    () => page.keyboard.press("Escape"),
  ]) {
    await onTop(ask);
    await back();
    await ask.waitFor({ state: "hidden" });
    await focusOn(trash);
    assert.equal((await desk.callProduct(key)).status, 200);
    await trash.click();
  }

  await ask.getByRole("button", { name: "Delete key" }).click();
  await ask.waitFor({ state: "hidden" });
  assert.equal((await desk.callProduct(key)).status, 403, "refused on the next call");
  await isGone(row(page, "Doomed"));
  await says(page, "“Doomed” was deleted and does not work any more.");
  await focusOn(block(page).getByRole("heading"));
});

test("deleting the Sandbox key warns: not configured until provisioning runs again", async (t) => {
  const page = await admin(t);
  const status = page.getByRole("region", { name: "Sandbox status" });
  await says(status, "Sandbox ready");
  await page.getByRole("button", { name: "Delete Sandbox" }).click();
  const ask = page.getByRole("alertdialog", { name: "Delete the Sandbox key?" });
  await says(ask, "shows as not configured until auto-provisioning runs again");
  await says(ask, "This action cannot be undone.");
  await ask.getByRole("button", { name: "Delete key" }).click();
  await isGone(row(page, "Sandbox"));
  await says(status, "Sandbox not configured");
  await says(status, "The Sandbox’s reserved key was deleted.");
  await says(block(page), "No API keys yet.");
  await status.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  await says(status, "Sandbox ready");
  await row(page, "Sandbox").waitFor();
});

test("a key that somebody else deleted meanwhile is told and goes from the list", async (t) => {
  const page = await admin(t);
  const { key } = await made(page, "Gone already");
  await page.reload();
  await page.getByRole("button", { name: "Delete Gone already" }).click();
  assert.equal(
    (await page.request.delete(`/api/keys/${key.id}`, { headers: { origin: desk.url } })).status(),
    204,
  );
  allow(page, `DELETE /api/keys/${key.id} 404`);
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete key" }).click();
  await says(page, "“Gone already” is not there any more: it has been deleted.");
  await isGone(row(page, "Gone already"));
  assert.equal(await page.getByRole("alertdialog").count(), 0);
});

test("a question about a key that is gone says so and closes", async (t) => {
  const page = await admin(t);
  const { key } = await made(page, "Gone meanwhile");
  await page.reload();
  await page.getByRole("button", { name: "Delete Gone meanwhile" }).click();
  await page.getByRole("alertdialog").waitFor();
  await page.request.delete(`/api/keys/${key.id}`, { headers: { origin: desk.url } });
  await comeBack(page);
  await says(page, "“Gone meanwhile” is not there any more: it has been deleted.");
  await isGone(row(page, "Gone meanwhile"));
  assert.equal(await page.getByRole("alertdialog").count(), 0);
});

test("a limit of one key is told in the singular", async (t) => {
  const page = await admin(t, { key_limit: 1 });
  await says(block(page), "The limit of 1 key is reached. Delete a key to create another.");
});

test("what one tab makes is in the other as soon as somebody looks at it", async (t) => {
  const page = await admin(t);
  const other = await newTab(page);
  await other.goto(desk.url);
  await row(other, "Sandbox").waitFor();
  await page.bringToFront();
  await create(page, "From the first tab");
  await gotIt(page);
  await other.bringToFront();
  // Chromium without a screen takes every tab for one that is seen, so the event is the test's.
  await comeBack(other);
  await row(other, "From the first tab").waitFor();
});

test("a long name is cut at two lines, and whole for who points at or comes to it", async (t) => {
  const page = await admin(t);
  const long = "W".repeat(64);
  await made(page, long);
  await page.setViewportSize({ width: 320, height: 700 });
  await page.reload();
  const name = row(page, long).locator(".cell-name");
  await name.waitFor();
  const lines = () =>
    name.evaluate((e) =>
      Math.round(e.clientHeight / Number.parseFloat(getComputedStyle(e).lineHeight)),
    );
  assert.equal(await lines(), 2);
  assert.equal(await name.getAttribute("title"), long);
  await name.focus();
  assert.ok((await lines()) > 2);
  assert.equal(await name.evaluate((e) => e.scrollHeight - e.clientHeight), 0, "all of it");
  // What is cut nowhere takes no stop on the way by keys.
  assert.equal(await row(page, "Sandbox").locator(".cell-name").getAttribute("tabindex"), null);
});

test("members see the list without actions, and can do nothing to it", async (t) => {
  const page = await admin(t);
  const { key } = await made(page, "Production");
  const member = desk.newAddress("member");
  assert.equal(
    (
      await page.request.post("/api/team", {
        data: { email: member },
        headers: { origin: desk.url },
      })
    ).status(),
    201,
  );
  const theirs = await newPage(browser, desk, { t });
  await logIn(theirs, desk, member);
  await row(theirs, "Production").waitFor();
  assert.deepEqual(await block(theirs).getByRole("columnheader").allTextContents(), [
    "Name",
    "Created on",
    "Last used",
    "Expires",
  ]);
  assert.deepEqual(await names(theirs), ["Sandbox", "Production"]);
  assert.deepEqual(
    await block(theirs)
      .getByRole("button")
      .evaluateAll((buttons) => buttons.map((button) => button.ariaLabel)),
    ["Copy Sandbox key"],
  );
  await says(block(theirs), "You can see the keys; an admin manages them.");
  const headers = { origin: desk.url };
  assert.equal(
    (await theirs.request.post("/api/keys", { data: { name: "Not mine" }, headers })).status(),
    403,
  );
  assert.equal((await theirs.request.delete(`/api/keys/${key.id}`, { headers })).status(), 403);
});
