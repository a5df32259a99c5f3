// How it looks and reaches everybody: arrangement, colours, sizes, words at the edge, and what is
// there before and without the JavaScript.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  askForCode,
  atRest,
  axe,
  deskAndBrowser,
  focusOn,
  hold,
  launch,
  logIn,
  newPage,
  pictured,
  pointAt,
  says,
  still,
  typeCode,
} from "./support.mjs";

/** @import { TestContext } from "node:test" */
/** @import { Locator, Page } from "playwright-core" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;

deskAndBrowser((...both) => ([desk, browser] = both));

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
  await page.getByRole("rowheader", { name: email }).waitFor();
  await atRest(page);
  return page;
}

/** @param {Locator} place */
async function box(place) {
  const found = await place.boundingBox();
  assert.ok(found, `${place} is not to be seen`);
  return found;
}

test("a tooltip stays under the pointer and in the window; Escape closes it alone", async (t) => {
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
  const error = page.getByText("Enter an e-mail address, such as");
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

test("a toast covers no button of a dialog, and none that cannot be brought clear", async (t) => {
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

/** What can be clicked or typed in. @param {Page} page */
const targets = (page) =>
  page
    .locator("button, select, input:not([type=checkbox], [type=hidden]), .checkbox-field")
    .filter({ visible: true });

/**
 * Goes through the screens: the login's two steps, the page, and its dialogs.
 *
 * @param {Page} page
 * @param {(where: string) => Promise<void>} look
 */
async function walk(page, look) {
  accounts += 1;
  const email = `margarethe.von.hohenstein@looks-${accounts}.example.com`;
  await desk.register({
    name: "Northwind Audio of Westphalia",
    admin_email: email,
    key_limit: 2,
    limits: { per_month: 1_000_000_000_000, per_minute: 6_000_000 },
  });
  await desk.productApi("rejecting");
  await page.goto(desk.url);
  await page.getByLabel("E-mail").waitFor();
  await look("the login");
  await askForCode(page, email);
  await look("the code");
  await typeCode(page, await desk.codeFor(email));
  await says(page, "Sandbox not configured");
  await page.getByRole("rowheader", { name: email }).waitFor();
  await look("the page, not configured");
  await desk.productApi("up");
  await page.getByRole("button", { name: "Retry Auto-Configuration" }).click();
  await says(page, "Sandbox ready");
  await says(page, /of 1,000,000,000,000 calls this month/);
  await look("the page");
  await page.getByRole("button", { name: "New API Key" }).click();
  await page.getByLabel("Name").fill("Zapier Integration");
  await page.getByLabel("Expiry").selectOption("A date");
  await look("the new key's name");
  await page.getByLabel("Expiry").selectOption("30 days");
  await page.getByRole("button", { name: "Create Key" }).click();
  await page.getByRole("button", { name: "Show key" }).click();
  await look("the new key");
  await page.keyboard.press("Escape");
  await page.getByRole("alertdialog").waitFor();
  await look("the question about the key");
  await page.getByRole("button", { name: "Close anyway" }).click();
  await says(page, "The limit of 2 keys is reached.");
  await look("the page at its limit");
  const more = page.getByRole("button", { name: "More actions for Zapier Integration" });
  for (const item of ["Rename", "Rotate", "Change expiry"]) {
    await more.click();
    await page.getByRole("menuitem", { name: item }).click();
    await look(item);
    await page.getByRole("button", { name: "Cancel" }).click();
  }
  await more.click();
  await page.getByRole("menu").waitFor();
  await look("a key's menu");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Add member" }).click();
  await page.getByLabel("E-mail").fill("bob");
  await page.getByRole("button", { name: "Send invitation" }).click();
  await says(page, "Enter an e-mail address, such as");
  await look("the invitation");
}

test("with text twice as large nothing is cut at 320 px, and icons and targets grow", async (t) => {
  const large = await launch("--blink-settings=defaultFontSize=32");
  t.after(() => large.close());
  const page = await newPage(large, desk, { t, viewport: { width: 320, height: 640 } });
  await walk(page, async (where) => {
    await still(page);
    const cut = await page.evaluate(() => {
      const wide = (/** @type {Element} */ element) => element.scrollWidth > element.clientWidth;
      const shown = [...document.querySelectorAll("button, h1, h2, p, th, td, label, .badge")]
        .filter((element) => element.checkVisibility() && !element.closest(".visually-hidden"))
        .filter((element) => {
          const { left, right } = element.getBoundingClientRect();
          return (
            left < 0 ||
            right > innerWidth ||
            (getComputedStyle(element).display !== "inline" && wide(element))
          );
        });
      const page = wide(document.documentElement) ? ["the page"] : [];
      return [...page, ...shown.map((element) => element.outerHTML)];
    });
    assert.deepEqual(cut, [], where);
    for (const icon of await page.locator(".icon:visible").all())
      assert.ok((await box(icon)).width >= 35, `an icon of ${where}`);
    for (const target of await targets(page).all())
      assert.ok((await box(target)).height >= 64, `${target} of ${where}`);
  });
});

test("under a finger every target has 44 pixels", async (t) => {
  const page = await newPage(browser, desk, {
    t,
    viewport: { width: 375, height: 812 },
    context: { hasTouch: true, isMobile: true },
  });
  await walk(page, async (where) => {
    await still(page);
    for (const target of await targets(page).all()) {
      const { width, height } = await box(target);
      const name = await target.evaluate((element) => element.outerHTML);
      assert.ok(height >= 44 && width >= 44, `${where}: ${width} x ${height}, ${name}`);
    }
  });
});

test("the focus goes as the eye does: from above, and from the left", async (t) => {
  const page = await newPage(browser, desk, { t, viewport: { width: 375, height: 812 } });
  await walk(page, async (where) => {
    await still(page);
    const order = await page.evaluate(() => {
      const all = document.querySelectorAll("a[href], button, input");
      const covered = document.querySelectorAll(".overlay");
      const on = covered.item(covered.length - 1) ?? document.body;
      return [...all]
        .filter((element) => on.contains(element) && element.checkVisibility())
        .filter((element) => !element.matches(".skip, :disabled, [tabindex='-1']"))
        .map((element) => {
          const { left, top, bottom } = element.getBoundingClientRect();
          return { left, top, bottom, is: element.textContent || element.ariaLabel };
        });
    });
    for (const [index, { left, top, is }] of order.entries()) {
      const before = order[index - 1];
      if (!before) continue;
      const beside = top < before.bottom;
      assert.ok(beside ? left > before.left : true, `${where}: ${before.is} before ${is}`);
      assert.ok(top >= before.top - 8, `${where}: ${before.is} before ${is}`);
    }
  });
});

test("in the reader's own colours disabled looks disabled, and all has edges", async (t) => {
  const page = await admin(t, { key_limit: 1, context: { forcedColors: "active" } });
  const [grey, text] = await page.evaluate(() =>
    ["GrayText", "ButtonText"].map((colour) => {
      const probe = document.body.appendChild(document.createElement("i"));
      probe.style.color = colour;
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    }),
  );
  assert.notEqual(grey, text);
  const shut = page.getByRole("button", { name: "New API Key", disabled: true });
  assert.equal(await styled(shut, "color"), grey);
  const last = page.getByRole("button", { name: /^Revoke access of/, disabled: true });
  assert.equal(await styled(last, "color"), grey);
  assert.notEqual(await styled(page.getByRole("button", { name: "Add member" }), "color"), grey);

  await pointAt(shut);
  const tooltip = page.locator(".tooltip");
  await tooltip.waitFor();
  await page.getByRole("button", { name: "Test Connection" }).focus();
  for (const place of [tooltip, page.locator(".badge").first(), shut])
    assert.equal(await styled(place, "border-top-width"), "1px");
  await page.keyboard.press("Tab");
  const focused = page.locator(":focus-visible");
  assert.equal(await styled(focused, "outline-style"), "solid");
});

test("who asks for more contrast gets it: no grey words, no faint lines", async (t) => {
  const page = await admin(t, { context: { contrast: "more" } });
  const words = section(page, "API keys").getByText("A key’s value is shown once");
  assert.equal(await styled(words, "color"), await styled(page.locator("body"), "color"));
  const faint = await newPage(browser, desk, { t });
  await faint.goto(desk.url);
  const edge = await styled(faint.locator(".login-card"), "border-top-color");
  assert.notEqual(await styled(section(page, "Team"), "border-top-color"), edge);
});

test("tables are named, and counts are said in words", async (t) => {
  const page = await admin(t);
  for (const name of ["API keys", "Team"]) await page.getByRole("table", { name }).waitFor();
  const spoken = await section(page, "API keys").ariaSnapshot();
  assert.match(spoken, /1 of 10 keys used/);
  assert.doesNotMatch(spoken, /1 \/ 10/);
  assert.match(await section(page, "Team").ariaSnapshot(), /1 of \d+ members/);
});

test("the page prints; a key, a dialog, a button and a toast never do", async (t) => {
  const page = await admin(t);
  await page.getByRole("button", { name: "Test Connection" }).click();
  await says(page.locator(".toast"), "The reserved key works.");
  await page.getByRole("button", { name: "New API Key" }).click();
  await page.getByLabel("Name").fill("On paper");
  await page.getByRole("button", { name: "Create Key" }).click();
  await page.getByRole("button", { name: "Show key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  const ink = await styled(page.locator("body"), "color");
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.equal(await styled(page.locator("body"), "color"), ink, "dark on paper, in either theme");
  assert.equal(await page.locator(".overlay, .toast, button").filter({ visible: true }).count(), 0);
  await says(page, "On paper");
  await says(page, "Sandbox ready");
  const paper = await page.evaluate(() => getComputedStyle(document.documentElement).overflow);
  assert.equal(paper, "visible");
  await page.emulateMedia({ media: "screen", colorScheme: "light" });
  await dialog.waitFor();
});

test("dates are the reader's own; hover and focus tell the time and its zone", async (t) => {
  await desk.productApi("up");
  const page = await admin(t, { context: { locale: "de-DE", timezoneId: "Asia/Tokyo" } });
  const row = section(page, "API keys").getByRole("row", { name: "Sandbox" });
  const time = row.getByRole("time").first();
  const moment = async (/** @type {Locator} */ time) =>
    new Date((await time.getAttribute("datetime")) ?? "");
  const at = await moment(time);
  /** @param {Intl.DateTimeFormatOptions} options */
  const german = (options, date = at) =>
    new Intl.DateTimeFormat("de-DE", { timeZone: "Asia/Tokyo", ...options }).format(date);
  assert.equal(await time.innerText(), german({ dateStyle: "medium" }));
  assert.equal(await time.getAttribute("lang"), "de-DE");

  const whole = german({ dateStyle: "medium", timeStyle: "long" });
  assert.match(whole, /MEZ|GMT\+9|JST/);
  await pointAt(time);
  await says(page.locator(".tooltip"), whole);
  await page.mouse.move(0, 0);
  await page.locator(".tooltip").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Copy Sandbox key" }).focus();
  await page.keyboard.press("Tab");
  await says(page.locator(".tooltip"), whole);
  assert.match(await row.ariaSnapshot(), /Sandbox/);
  const validated = section(page, "Sandbox status").getByRole("time");
  const minute = german({ timeStyle: "short" }, await moment(validated));
  assert.equal(await validated.innerText(), `today at ${minute}`);
});

test("a browser that misnames its languages shows the page all the same", async (t) => {
  const page = await newPage(browser, desk, { t });
  await page.addInitScript(() => {
    Object.defineProperty(navigator, "languages", { value: ["C", "en-US@posix"] });
  });
  await page.goto(desk.url);
  await page.getByLabel("E-mail").waitFor();
});

test("an address that leads nowhere says so, and leads home", async (t) => {
  const page = await newPage(browser, desk, { t });
  for (const path of ["/team", "/login/", "/index.htm/x"]) {
    await page.goto(`${desk.url}${path}`);
    await page.getByRole("heading", { name: "There is nothing at this address" }).waitFor();
    assert.match(await page.title(), /^Not found · /);
    await axe(page);
  }
  await page.getByRole("link", { name: "API Keys & Sandbox" }).click();
  await page.getByLabel("E-mail").waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
  await page.goto(`${desk.url}/index.html`);
  await page.getByLabel("E-mail").waitFor();
});

test("an address that names a block leads there, once all above it is there", async (t) => {
  const page = await admin(t, { viewport: { width: 375, height: 500 } });
  const blocks = { sandbox: "Sandbox status", keys: "API keys", team: "Team" };
  for (const [name, title] of Object.entries(blocks)) {
    await page.goto("about:blank");
    const load = await hold(page, /\/api\/(keys|team|sandbox)$/);
    await page.goto(`${desk.url}/#${name}`);
    await page.getByRole("heading", { name: title, exact: true }).waitFor();
    assert.equal(await page.evaluate(() => scrollY), 0, "nothing is there yet");
    await load();
    await focusOn(page.getByRole("heading", { name: title, exact: true }));
    assert.ok((await box(section(page, title))).y < 250, `${title} is in sight`);
    await says(page, "Sandbox ready");
  }
  await page.evaluate(() => (location.hash = "#keys"));
  await focusOn(page.getByRole("heading", { name: "API keys", exact: true }));
});

test("before the JavaScript comes there is a page already, by the same policy", async (t) => {
  const page = await newPage(browser, desk, { t });
  const scripts = await hold(page, "**/assets/*.js");
  await page.goto(desk.url, { waitUntil: "commit" });
  const shell = page.getByRole("main");
  await shell.locator(".brand").waitFor();
  await shell.getByRole("heading", { name: "Loading…" }).waitFor();
  const session = await hold(page, "**/api/session");
  const there = await box(shell.locator(".brand"));
  await scripts();
  await page.waitForFunction(() => document.getElementById("root")?.childElementCount);
  assert.deepEqual(await box(shell.locator(".brand")), there);
  await session();
  await page.getByLabel("E-mail").waitFor();
  assert.equal(await page.getByRole("main").count(), 1);
});

test("without JavaScript the page says so, and looks like the rest", async (t) => {
  const page = await newPage(browser, desk, { t, context: { javaScriptEnabled: false } });
  await page.goto(desk.url);
  // By its place: what is searched for by its words leaves this element out.
  const notice = page.locator("noscript .notice");
  await notice.waitFor();
  assert.match(await notice.innerText(), /^This page needs JavaScript\./);
  assert.notEqual(await styled(notice, "background-color"), "rgba(0, 0, 0, 0)");
  assert.ok(await page.locator(".brand").isVisible());
  assert.equal(await page.locator(".spinner").isVisible(), false);
});

test("the typeface comes with the page, once; nothing moves when it comes late", async (t) => {
  const page = await newPage(browser, desk, { t, viewport: { width: 375, height: 812 } });
  /** @type {string[]} */
  const fonts = [];
  page.on("request", (request) => {
    if (request.resourceType() === "font") fonts.push(new URL(request.url()).pathname);
  });
  const font = await hold(page, "**/*.woff2");
  accounts += 1;
  const email = `ada@looks-${accounts}.example.com`;
  await desk.register({ name: "Northwind Audio", admin_email: email });
  await page.goto(desk.url, { waitUntil: "commit" });
  await logIn(page, desk, email);
  await page.getByRole("rowheader", { name: email }).waitFor();
  await atRest(page);
  await still(page);
  /** How high everything is, and where: lines that break elsewhere would show. */
  const laid = () =>
    page.locator("h1, h2, p, tr, .section").evaluateAll((all) =>
      all.map((element) => {
        const { top, height } = element.getBoundingClientRect();
        return `${element.tagName} ${Math.round(top)} ${Math.round(height)}`;
      }),
    );
  const meanwhile = await laid();
  await font();
  await page.evaluate(() => document.fonts.ready);
  assert.ok(await page.evaluate(() => document.fonts.check("1rem 'Figtree Variable'")));
  await pictured(page);
  assert.deepEqual(await laid(), meanwhile);
  assert.equal(fonts.length, 1, `${fonts}`);
});

test("on a wide screen toasts lie beside the actions, which are on the right", async (t) => {
  const page = await admin(t, { viewport: { width: 768, height: 480 } });
  await page.getByRole("button", { name: "Test Connection" }).click();
  const toast = page.locator(".toast");
  await says(toast, "The reserved key works.");
  await still(page);
  const { x, width } = await box(toast);
  assert.ok(x >= 16, "clear of the window's edge");
  for (const button of await page.locator("main .button, main .cell-actions .icon-button").all())
    assert.ok((await box(button)).x >= x + width, `${button} can lie under the toast`);
});
