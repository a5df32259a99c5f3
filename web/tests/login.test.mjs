// Both steps of the login: an address and the terms, then the code that was mailed; and whatever
// can be in the way.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  askForCode,
  atConsole,
  atLogin,
  deskAndBrowser,
  focusOn,
  hold,
  logIn,
  loseAnswers,
  newPage,
  newTab,
  pictured,
  says,
  startDesk,
  typeCode,
  until,
  wrongCode,
} from "./support.mjs";

/** @import { Page, Request } from "playwright-core" */
/** @import { TestContext } from "node:test" */
/** @import { PageOptions } from "./support.mjs" */

const MINUTES = 60;

/** @param {Page} page */
const email = (page) => page.getByLabel("E-mail");
/** @param {Page} page */
const terms = (page) => page.getByRole("checkbox", { name: "I accept the terms of service." });
/** @param {Page} page */
const send = (page) => page.getByRole("button", { name: "Send Code" });
/** @param {Page} page */
const boxes = (page) => page.getByRole("group", { name: "Login code" }).getByRole("textbox");
/** @param {Page} page */
const timer = (page) => page.getByRole("timer");
/** @param {Page} page */
const resend = (page) => page.getByRole("button", { name: /^Resend code/ });
/** @param {Page} page */
const problem = (page) => page.getByRole("alert");

/**
 * Sets the clock of somebody's machine, which the page's own passing of time does not follow; and
 * lets a second pass.
 *
 * @param {Page} page
 * @param {number} seconds  from what it shows
 */
async function setClock(page, seconds) {
  await page.clock.setSystemTime((await page.evaluate(() => Date.now())) + seconds * 1000);
  await page.clock.runFor(1000);
}

/**
 * Does what a browser does that translates a page: its texts come into elements of the browser's.
 *
 * @param {Page} page
 */
const translate = (page) =>
  page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = /** @type {Text[]} */ ([]);
    while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode));
    for (const text of texts) {
      if (text.parentElement?.closest("font, [translate=no]")) continue;
      const font = document.createElement("font");
      text.replaceWith(font);
      font.append(text.data);
    }
  });

/** Waits for the second step. @param {Page} page */
const atCode = (page) => page.getByRole("heading", { level: 1, name: "Enter your code" }).waitFor();

/** The button that is at work. @param {Page} page */
const busy = (page) => page.locator("button[aria-busy='true']");

/**
 * Pastes into the first box.
 *
 * @param {Page} page
 * @param {string} text
 */
const paste = (page, text) =>
  boxes(page)
    .first()
    .evaluate((box, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", text);
      box.dispatchEvent(
        new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }),
      );
    }, text);

/** What stands in the boxes, a dot for each that is empty. @param {Page} page */
const typed = (page) =>
  boxes(page).evaluateAll((/** @type {HTMLInputElement[]} */ inputs) =>
    inputs.map((input) => input.value || ".").join(""),
  );

/**
 * Waits until a box has the focus; they are counted from 1.
 *
 * @param {Page} page
 * @param {number} box
 */
const focusAt = (page, box) =>
  page.waitForFunction(
    (label) => document.activeElement?.getAttribute("aria-label") === label,
    `Digit ${box} of 6`,
  );

/**
 * The calls that a page makes, by method and path.
 *
 * @param {Page} page
 * @param {string} method
 * @param {string} path
 */
function calls(page, method, path) {
  /** @type {Request[]} */
  const seen = [];
  page.on("request", (request) => {
    if (request.method() === method && new URL(request.url()).pathname === path) seen.push(request);
  });
  return seen;
}

describe("Login", () => {
  /** @type {import("./support.mjs").Desk} */
  let desk;
  /** @type {import("playwright-core").Browser} */
  let browser;

  deskAndBrowser((...both) => ([desk, browser] = both));

  /** The address of an admin whom nobody else uses. */
  const someone = () => desk.newAdmin();

  /**
   * A page at the login's first step.
   *
   * @param {TestContext} t
   * @param {PageOptions} [options]
   */
  async function opened(t, options = {}) {
    const page = await newPage(browser, desk, { t, ...options });
    await page.goto(desk.url);
    await atLogin(page);
    return page;
  }

  /**
   * A page whose clock the test moves, at the login's first step. It runs on meanwhile.
   *
   * @param {TestContext} t
   * @param {PageOptions} [options]
   */
  async function openedWithClock(t, options = {}) {
    const page = await newPage(browser, desk, { t, ...options });
    await page.clock.install();
    await page.goto(desk.url);
    await atLogin(page);
    return page;
  }

  // --- The first step

  test("who comes finds the address field focused, and nothing of the page behind", async (t) => {
    const page = await newPage(browser, desk, { t });
    /** @type {string[]} */
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(desk.url);
    await atLogin(page);
    await focusOn(email(page));
    assert.equal(await email(page).getAttribute("autocomplete"), "email");
    assert.deepEqual(
      asked.filter((path) => path.startsWith("/api/")),
      ["/api/session"],
    );
    for (const name of ["Sandbox status", "API keys", "Team"])
      assert.equal(await page.getByRole("region", { name }).count(), 0);
  });

  test("Send Code is disabled until the terms are accepted; Enter is no way around", async (t) => {
    const page = await opened(t);
    const asked = calls(page, "POST", "/api/login/code");
    const to = await someone();
    await email(page).fill(to);
    assert.ok(await send(page).isDisabled());
    await email(page).press("Enter");
    await terms(page).click();
    assert.ok(await send(page).isEnabled());
    // By its words, too: they are its label.
    await page.getByText("I accept the terms of service.").click();
    assert.ok(await send(page).isDisabled());
    await email(page).press("Enter");
    await terms(page).press("Space");
    await send(page).click();
    await atCode(page);
    assert.equal(asked.length, 1);
    assert.deepEqual(asked[0]?.postDataJSON(), { email: to, accept_terms: true });
  });

  test("the terms are accepted once in a browser, and told to the server", async (t) => {
    const page = await opened(t);
    const before = "You accepted them in this browser before.";
    await terms(page).click();
    assert.equal(await page.getByText(before).count(), 0);
    const other = await newTab(page);
    await other.goto(desk.url);
    await atLogin(other);
    assert.ok(await terms(other).isChecked());
    await says(other, before);
    const asked = calls(other, "POST", "/api/login/code");
    await email(other).fill(await someone());
    await send(other).click();
    await atCode(other);
    assert.equal(asked[0]?.postDataJSON().accept_terms, true);

    // Who takes it back is asked again.
    await page.reload();
    await terms(page).click();
    assert.equal(await page.getByText(before).count(), 0);
    await page.reload();
    await atLogin(page);
    assert.ok(!(await terms(page).isChecked()));
    assert.ok(await send(page).isDisabled());
  });

  test("Enter without the terms leads to them", async (t) => {
    const page = await opened(t);
    await email(page).fill(await someone());
    await email(page).press("Enter");
    await focusOn(terms(page));
    await page.keyboard.press("Space");
    await email(page).press("Enter");
    await atCode(page);
  });

  test("Send Code is disabled in flight: an impatient person asks for one code", async (t) => {
    const page = await opened(t);
    const asked = calls(page, "POST", "/api/login/code");
    const to = await someone();
    /** @type {(value?: unknown) => void} */
    let answer = () => {};
    const held = new Promise((release) => (answer = release));
    await page.route("**/api/login/code", async (route) => {
      await held;
      await route.continue();
    });
    await email(page).fill(to);
    await terms(page).click();
    await send(page).click();
    await page.waitForFunction(() =>
      [...document.querySelectorAll("button")].some(
        (button) => button.getAttribute("aria-busy") === "true",
      ),
    );
    assert.ok(await send(page).isDisabled());
    await send(page).click({ force: true });
    await email(page).press("Enter");
    answer();
    await atCode(page);
    assert.equal(asked.length, 1);
  });

  test("what is no address is told at its field, before anything is sent", async (t) => {
    const page = await opened(t);
    const asked = calls(page, "POST", "/api/login/code");
    await terms(page).click();
    const example = "Enter an e-mail address, such as name@example.com.";
    const nowhere = "What follows the @ is no domain, such as example.com.";
    const dots = "A dot cannot be first or last, or follow another.";
    const invisible = "There is a space or an invisible character in this address.";
    for (const [text, words] of /** @type {const} */ ([
      ["", example],
      ["   ", example],
      ["ada", example],
      ["@example.com", example],
      ["ada@", nowhere],
      ["ada@example", nowhere],
      ["ada@127.0.0.1", nowhere],
      ["ada b@example.com", invisible],
      ["ada@example .com", invisible],
      ["ada\u200b@example.com", invisible],
      ["ada\u00a0l@example.com", invisible],
      ["ädä@example.com", "“ä” cannot stand before the @."],
      ["<ada@example.com>", "“<” cannot stand before the @."],
      ["ada@example.com>", "“>” cannot stand after the @."],
      ["ada@ex_ample.com", "“_” cannot stand after the @."],
      ["ada@grace@example.com", "“@” cannot stand before the @."],
      [".ada@example.com", dots],
      ["ada..b@example.com", dots],
      ["ada@example.com.", dots],
      [`${"a".repeat(65)}@example.com`, "At most 64 characters can stand before the @, not 65."],
      [`ada@${"a.".repeat(126)}com`, "An e-mail address has at most 254 characters, not 259."],
    ])) {
      await email(page).fill(text);
      await send(page).click();
      await says(problem(page), words);
      assert.equal(await email(page).getAttribute("aria-invalid"), "true");
      await focusOn(email(page));
    }
    assert.equal(asked.length, 0);
    await email(page).fill("ada@example.com");
    await problem(page).waitFor({ state: "detached" });
  });

  test("invalid_email: an address that only the server refuses is told at its field", async (t) => {
    const page = await opened(t, { allow: ["POST /api/login/code 400"] });
    await terms(page).click();
    for (const text of [`ada@${"a".repeat(64)}.com`, "ada@-example.com"]) {
      await email(page).fill(text);
      const answer = page.waitForResponse("**/api/login/code");
      await send(page).click();
      assert.equal((await (await answer).json()).code, "invalid_email");
      await says(problem(page), "Enter a valid e-mail address, such as name@example.com.");
      assert.equal(await email(page).inputValue(), text);
      await focusOn(email(page));
    }
  });

  test("what the server takes for an address, the page does, too", async (t) => {
    const page = await opened(t);
    await terms(page).click();
    for (const text of [
      " Ada.Lovelace+x@Example.COM ",
      "!#$%&'*+-/=?^_`{|}~@example.com",
      `${"a".repeat(64)}@example.com`,
      `ada@${"a.".repeat(123)}com`,
      "ada@bücher.example",
      "ada@ＥＸＡＭＰＬＥ．com",
      "ada@例え。テスト",
      "ada@a\u2260b.com",
      "ada@ex\u00adample\u200b.net",
      "grace@xn--bcher-kva.example",
      "ada@1.2.3.4x",
      "ada@127.0.0.1.example",
      "1@2.3a",
    ]) {
      const answer = await desk.api("")("POST", "/api/login/code", {
        email: text.trim(),
        accept_terms: true,
      });
      assert.equal(answer.status, 202, text);
      await email(page).fill(text);
      await send(page).click();
      await atCode(page);
      await page.getByRole("button", { name: "Change email" }).click();
      await atLogin(page);
    }
  });

  test("an address is shown as it was typed, in any script", async (t) => {
    const page = await opened(t);
    await askForCode(page, "ada@bücher.example");
    await says(page, /^If ada@bücher\.example is registered/);
    await page.reload();
    await says(page, /^If ada@bücher\.example is registered/);
    await page.getByRole("button", { name: "Change email" }).click();
    await atLogin(page);
    assert.equal(await email(page).inputValue(), "ada@bücher.example");
    for (const [name, value] of Object.entries({ inputmode: "email", autocapitalize: "none" }))
      assert.equal(await email(page).getAttribute(name), value);
  });

  test("an address that nobody registered looks like any other, and gets no mail", async (t) => {
    const page = await opened(t);
    await askForCode(page, "nobody@example.com");
    await says(
      page,
      /If nobody@example\.com is registered, a six-digit code is on its way there\./,
    );
    // Mails leave in order: this one would have gone before the next.
    const other = await someone();
    await desk.session(other);
    assert.deepEqual(
      (await desk.mails()).filter((mail) => mail.to === "nobody@example.com"),
      [],
    );
  });

  test("user_not_found: where the deployment says so, it is told at the field", async (t) => {
    const telling = await startDesk({ set: { PreventUserExistenceErrors: "LEGACY" } });
    t.after(() => telling.stop());
    const page = await newPage(browser, telling, { t, allow: ["POST /api/login/code 404"] });
    await page.goto(telling.url);
    await email(page).fill("nobody@example.com");
    await terms(page).click();
    await send(page).click();
    await says(
      problem(page),
      "Nobody is registered with this e-mail address. Ask an admin of your account to invite you.",
    );
    await logIn(page, telling, "admin@example.com");
  });

  test("rate_limited: a fourth code in 15 minutes waits, and the page says how long", async (t) => {
    const page = await openedWithClock(t, { allow: ["POST /api/login/code 429"] });
    const to = await someone();
    for (let code = 0; code < 3; code += 1) await desk.session(to);
    await email(page).fill(to);
    await terms(page).click();
    await send(page).click();
    const wait = new RegExp(
      "^Too many codes were asked for with this address\\. " +
        "You can ask for another in (15:00|14:\\d\\d)15 minutes\\.$",
    );
    await says(problem(page), wait);
    assert.ok(await send(page).isDisabled());

    // It is this address that waits.
    const other = await someone();
    await email(page).fill(other);
    assert.ok(await send(page).isEnabled());
    await email(page).fill(to);
    assert.ok(await send(page).isDisabled());

    await page.clock.fastForward("14:00");
    await says(problem(page), /You can ask for another in (1:00|0:\d\d)/);
    await page.clock.fastForward("01:00");
    await desk.advance(15 * MINUTES);
    await problem(page).waitFor({ state: "detached" });
    await send(page).click();
    await atCode(page);
    await typeCode(page, await desk.codeFor(to));
    await atConsole(page);
  });

  test("a browser that was in gets its code when a stranger used up the address's", async (t) => {
    const page = await opened(t);
    const to = await someone();
    await logIn(page, desk, to);
    await page.getByRole("button", { name: "Log out" }).click();
    await atLogin(page);
    for (let code = 0; code < 3; code += 1) {
      const { status } = await desk.api("")("POST", "/api/login/code", {
        email: to,
        accept_terms: true,
      });
      if (status === 202) await desk.codeFor(to);
    }
    await logIn(page, desk, to);
  });

  test("without an answer the page says so, keeps what was typed, and a retry works", async (t) => {
    const page = await opened(t, { allow: ["POST /api/login/code failed"] });
    const to = await someone();
    await page.route("**/api/login/code", (route) => route.abort("connectionreset"), { times: 1 });
    await email(page).fill(to);
    await terms(page).click();
    await send(page).click();
    await says(problem(page), "No answer came back. Check your connection and try again.");
    assert.equal(await email(page).inputValue(), to);
    await send(page).click();
    await atCode(page);
  });

  // --- The six boxes

  test("the boxes are one field for whoever fills in codes; the first has the focus", async (t) => {
    const page = await opened(t);
    await askForCode(page, await someone());
    assert.equal(await boxes(page).count(), 6);
    await focusAt(page, 1);
    assert.equal(await boxes(page).first().getAttribute("autocomplete"), "one-time-code");
    for (const box of await boxes(page).all())
      assert.equal(await box.getAttribute("inputmode"), "numeric");
    for (let digit = 1; digit <= 6; digit += 1)
      await page.getByLabel(`Digit ${digit} of 6`, { exact: true }).waitFor();
  });

  test("a code that the browser fills in by itself logs in", async (t) => {
    const page = await opened(t);
    const to = await someone();
    await askForCode(page, to);
    const code = await desk.codeFor(to);
    await page.keyboard.insertText(code);
    await atConsole(page);
  });

  test("typing goes on to the next box, and takes digits only", async (t) => {
    const page = await opened(t);
    await askForCode(page, await someone());
    for (const [key, digits, box] of /** @type {const} */ ([
      ["1", "1.....", 2],
      ["2", "12....", 3],
      ["x", "12....", 3],
      ["-", "12....", 3],
      ["3", "123...", 4],
    ])) {
      await page.keyboard.press(key);
      await pictured(page);
      await focusAt(page, box);
      assert.equal(await typed(page), digits, key);
    }
  });

  test("Backspace goes back, and takes the digits with it", async (t) => {
    const page = await opened(t);
    await askForCode(page, await someone());
    await page.keyboard.type("1234");
    await focusAt(page, 5);
    for (const [digits, box] of /** @type {const} */ ([
      // The fifth box is empty: there is nothing but the way back.
      ["1234..", 4],
      ["123...", 3],
      ["12....", 2],
      ["1.....", 1],
      ["......", 1],
      ["......", 1],
    ])) {
      await page.keyboard.press("Backspace");
      await pictured(page);
      await focusAt(page, box);
      assert.equal(await typed(page), digits);
    }
    await page.keyboard.type("56");
    assert.equal(await typed(page), "56....");
  });

  test("arrows move between the boxes, and a digit there replaces the old one", async (t) => {
    const page = await opened(t);
    await askForCode(page, await someone());
    await page.keyboard.type("1234");
    await focusAt(page, 5);
    for (const [key, box] of /** @type {const} */ ([
      ["ArrowLeft", 4],
      ["ArrowLeft", 3],
      ["ArrowRight", 4],
      ["ArrowLeft", 3],
      ["ArrowLeft", 2],
      ["9", 3],
    ])) {
      await page.keyboard.press(key);
      await pictured(page);
      await focusAt(page, box);
    }
    assert.equal(await typed(page), "1934..");
  });

  test("a paste fills all six boxes and logs in, also one with a space in it", async (t) => {
    for (const gap of ["", " "]) {
      const to = await someone();
      const page = await opened(t, {
        context: { permissions: ["clipboard-read", "clipboard-write"] },
      });
      await askForCode(page, to);
      const code = await desk.codeFor(to);
      const checked = calls(page, "POST", "/api/login/verify");
      await page.evaluate(
        (text) => navigator.clipboard.writeText(text),
        `${code.slice(0, 3)}${gap}${code.slice(3)}`,
      );
      await page.keyboard.press("ControlOrMeta+V");
      await atConsole(page);
      assert.deepEqual(
        checked.map((request) => request.postDataJSON().code),
        [code],
      );
      await page.close();
    }
  });

  test("a paste finds the six digits wherever they stand in a text", async (t) => {
    const page = await opened(t, { allow: ["POST /api/login/verify failed"] });
    await askForCode(page, await someone());
    const checked = calls(page, "POST", "/api/login/verify");
    await page.route("**/api/login/verify", (route) => route.abort("connectionreset"));
    for (const [text, code] of /** @type {const} */ ([
      ["Your code, good for 3 minutes: 120056", "120056"],
      ["code 120 057, and nothing else", "120057"],
      ["120-058", "120058"],
      ["G-120059 is your code.", "120059"],
      ["1 2 0 0 6 0", "120060"],
      ["コード：１２００６１。", "120061"],
      ["12\u00a000\u200b62", "120062"],
      ["Order 1234567, +44 20 7946 0958, 2026-11-26\n120063\n", "120063"],
    ])) {
      await paste(page, text);
      await says(problem(page), "No answer came back.");
      assert.equal(await typed(page), code, text);
      assert.equal(checked.at(-1)?.postDataJSON().code, code, text);
      await boxes(page).first().focus();
      await page.keyboard.press("Backspace");
      await problem(page).waitFor({ state: "detached" });
    }
  });

  test("digits that are part of a longer number are no code", async (t) => {
    const page = await opened(t);
    await askForCode(page, await someone());
    const checked = calls(page, "POST", "/api/login/verify");
    for (const text of [
      "1234567",
      "+49 170 123456",
      "2026-11-26",
      "123456.78",
      "ab123456cd",
      "12345",
      "no digits",
    ]) {
      await paste(page, text);
      await pictured(page);
      assert.equal(await typed(page), "......", text);
    }
    assert.equal(checked.length, 0);
  });

  for (const [call, path, begin] of /** @type {const} */ ([
    ["code", "/api/login/verify", async (/** @type {Page} */ page) => page.keyboard.type("120056")],
    [
      "Resend",
      "/api/login/code",
      async (/** @type {Page} */ page) => {
        await page.keyboard.type("120056");
        await says(problem(page), "No answer came back.");
        await resend(page).click();
      },
    ],
  ])) {
    test(`while the answer to a ${call} is awaited, the boxes take nothing`, async (t) => {
      const page = await openedWithClock(t, { allow: [/^POST \/api\/login\/\w+ failed$/] });
      await askForCode(page, await someone());
      await page.clock.fastForward("00:30");
      /** @type {(value?: unknown) => void} */
      let answer = () => {};
      const held = new Promise((release) => (answer = release));
      await page.route("**/api/login/*", async (route) => {
        if (new URL(route.request().url()).pathname === path) await held;
        await route.abort("connectionreset");
      });
      await begin(page);
      await busy(page).waitFor();
      await boxes(page).last().focus();
      await page.keyboard.type("9");
      await page.keyboard.press("Backspace");
      await paste(page, "999999");
      await pictured(page);
      assert.equal(await typed(page), "120056");
      answer();
      await busy(page).waitFor({ state: "detached" });
      await says(problem(page), "No answer came back.");
      assert.equal(await typed(page), "120056");
    });
  }

  test("the sixth digit logs in by itself, once, and the page behind has the focus", async (t) => {
    const to = await someone();
    const page = await opened(t);
    await askForCode(page, to);
    const checked = calls(page, "POST", "/api/login/verify");
    await page.keyboard.type(await desk.codeFor(to));
    await atConsole(page);
    await page.waitForFunction(() => document.activeElement?.id === "main");
    assert.equal(checked.length, 1);
    await page.getByRole("banner").getByText(to).waitFor();
  });

  // --- The countdown

  test("a live countdown runs from 3:00", async (t) => {
    const page = await openedWithClock(t);
    await email(page).fill(await someone());
    await terms(page).click();
    // From here on, the page's clock moves when it is told to: second by second.
    await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1000));
    await send(page).click();
    await until("the second step", async () => {
      await page.clock.runFor(10);
      return timer(page).isVisible();
    });
    for (const time of ["3:00", "2:59", "2:58"]) {
      await says(timer(page), `Expires in ${time}`);
      await page.clock.runFor(1000);
    }
  });

  test("at its end the boxes take nothing more, and a resent code starts it anew", async (t) => {
    const page = await openedWithClock(t);
    const to = await someone();
    await askForCode(page, to);
    await desk.codeFor(to);
    await page.keyboard.type("12");
    await page.clock.fastForward("02:50");
    await says(timer(page), /Expires in 0:(10|0\d)/);
    await page.clock.fastForward("00:10");
    await says(timer(page), "Expired 0:00");
    await says(problem(page), "This code has expired. Use “Resend code” to get a new one.");
    assert.ok(await boxes(page).first().isDisabled());
    assert.ok(await page.getByRole("button", { name: "Log in" }).isDisabled());

    await desk.advance(180);
    await resend(page).click();
    await says(timer(page), /^Expires in (3:00|2:5\d)$/);
    await problem(page).waitFor({ state: "detached" });
    assert.equal(await typed(page), "......");
    await typeCode(page, await desk.codeFor(to));
    await atConsole(page);
  });

  test("code_expired: when the server's time ran faster, the page says the same", async (t) => {
    const page = await opened(t, { allow: ["POST /api/login/verify 401"] });
    const to = await someone();
    await askForCode(page, to);
    const code = await desk.codeFor(to);
    await desk.advance(181);
    await typeCode(page, code);
    await says(problem(page), "This code has expired. Use “Resend code” to get a new one.");
    await says(timer(page), "Expired 0:00");
  });

  for (const [way, seconds] of /** @type {const} */ ([
    ["back", -60 * MINUTES],
    ["forward", 60 * MINUTES],
  ])) {
    test(`a clock that is set ${way} by an hour moves no countdown and shuts no box`, async (t) => {
      const page = await openedWithClock(t);
      const to = await someone();
      await askForCode(page, to);
      await setClock(page, seconds);
      await says(timer(page), / [12]:\d\d$/);
      await says(resend(page), /^Resend code in 0:\d\d$/);

      // Nor does it if that happens while the page is not there.
      await page.clock.setSystemTime(await page.evaluate((by) => Date.now() - by * 1000, seconds));
      await page.reload();
      await atCode(page);
      await page.clock.runFor(1000);
      await says(timer(page), / [12]:\d\d$/);
      await says(resend(page), /^Resend code in 0:\d\d$/);
      await page.clock.fastForward("00:30");
      await page.getByRole("button", { name: "Resend code", exact: true }).waitFor();
      await typeCode(page, await desk.codeFor(to));
      await atConsole(page);
    });

    test(`rate_limited: a clock that is set ${way} by an hour moves no wait`, async (t) => {
      const page = await openedWithClock(t, { allow: ["POST /api/login/code 429"] });
      const to = await someone();
      for (let code = 0; code < 3; code += 1) await desk.session(to);
      await email(page).fill(to);
      await terms(page).click();
      await send(page).click();
      const wait = /You can ask for another in (15:00|14:\d\d)/;
      await says(problem(page), wait);
      await setClock(page, seconds);
      assert.match(await problem(page).innerText(), wait);
      assert.ok(await send(page).isDisabled());
    });
  }

  // --- Resend and Change email

  test("Resend code waits 30 seconds; then the new code is good, the old one is not", async (t) => {
    const page = await openedWithClock(t, { allow: ["POST /api/login/verify 401"] });
    const to = await someone();
    await askForCode(page, to);
    const old = await desk.codeFor(to);
    await says(resend(page), /^Resend code in 0:(30|2\d)$/);
    assert.ok(await resend(page).isDisabled());
    await page.clock.fastForward("00:30");
    await page.getByRole("button", { name: "Resend code", exact: true }).click();
    await says(page, "A new code is on its way. Codes from earlier mails do not work any more.");
    await says(timer(page), /^Expires in (3:00|2:5\d)$/);
    await says(resend(page), /^Resend code in 0:(30|2\d)$/);
    await focusAt(page, 1);

    const code = await desk.codeFor(to);
    if (code !== old) {
      await typeCode(page, old);
      await says(problem(page), /^That is not the code that was mailed\./);
    }
    await typeCode(page, code);
    await atConsole(page);
  });

  test("rate_limited: a resend says how long it waits; the first code stays good", async (t) => {
    const page = await openedWithClock(t, { allow: ["POST /api/login/code 429"] });
    const to = await someone();
    await desk.session(to);
    await desk.session(to);
    await askForCode(page, to);
    const code = await desk.codeFor(to);
    await page.clock.fastForward("00:30");
    await resend(page).click();
    await says(problem(page), /You can ask for another in (15:00|14:\d\d)/);
    await says(resend(page), /^Resend code in (15:00|14:\d\d)$/);
    assert.ok(await resend(page).isDisabled());
    await typeCode(page, code);
    await atConsole(page);
  });

  test("a resend without an answer says so, and the first code's countdown goes on", async (t) => {
    const page = await openedWithClock(t, { allow: ["POST /api/login/code failed"] });
    const to = await someone();
    await askForCode(page, to);
    await page.clock.fastForward("00:30");
    await page.route("**/api/login/code", (route) => route.abort("connectionreset"), { times: 1 });
    await resend(page).click();
    await says(problem(page), "No answer came back. Check your connection and try again.");
    await says(timer(page), /^Expires in 2:[0-3]\d$/);
    await typeCode(page, await desk.codeFor(to));
    await atConsole(page);
  });

  test("Change email goes back to step 1, with the address and the terms accepted", async (t) => {
    const page = await opened(t);
    const [wrong, right] = [await someone(), await someone()];
    await askForCode(page, wrong);
    await page.getByRole("button", { name: "Change email" }).click();
    await atLogin(page);
    assert.equal(await email(page).inputValue(), wrong);
    assert.ok(await terms(page).isChecked());
    await focusOn(email(page));
    await logIn(page, desk, right);
    await page.getByRole("banner").getByText(right).waitFor();
  });

  test("the back button leads from the code to the address, not off the page", async (t) => {
    const page = await opened(t);
    const to = await someone();
    await askForCode(page, to);
    await page.goBack();
    await atLogin(page);
    assert.equal(await email(page).inputValue(), to);
    await page.goForward();
    await atLogin(page);
  });

  // --- Wrong codes

  test("code_incorrect: the boxes are emptied, and the attempts left are told", async (t) => {
    const page = await opened(t, { allow: ["POST /api/login/verify 401"] });
    const to = await someone();
    await askForCode(page, to);
    const code = await desk.codeFor(to);
    for (const left of ["4 attempts left", "3 attempts left"]) {
      await typeCode(page, wrongCode(code));
      await says(
        problem(page),
        `That is not the code that was mailed. Check the newest mail and try again: ${left}.`,
      );
      await focusAt(page, 1);
      assert.equal(await typed(page), "......");
      const described = await page
        .getByRole("group", { name: "Login code" })
        .getAttribute("aria-describedby");
      assert.equal(await page.locator(`[id="${described}"]`).getAttribute("role"), "alert");
    }
    await page.keyboard.type(code);
    await atConsole(page);
  });

  test("code_incorrect: after the last of five guesses only Resend is left", async (t) => {
    const page = await opened(t, {
      allow: ["POST /api/login/verify 401"],
    });
    const to = await someone();
    await askForCode(page, to);
    const code = await desk.codeFor(to);
    for (const words of [
      /4 attempts left/,
      /3 attempts left/,
      /2 attempts left/,
      /1 attempt left/,
      /it was the last guess/,
    ]) {
      await typeCode(page, wrongCode(code));
      await says(problem(page), words);
    }
    // Even the right one would be refused: only another code helps, and that at once.
    assert.ok(await boxes(page).first().isDisabled());
    assert.ok(await page.getByRole("button", { name: "Log in" }).isDisabled());
    assert.equal(await timer(page).count(), 0);
    await focusOn(page.getByRole("button", { name: "Resend code", exact: true }));
    await page.keyboard.press("Enter");
    await says(page, "A new code is on its way.");
    await focusAt(page, 1);
    await page.keyboard.type(await desk.codeFor(to));
    await atConsole(page);
  });

  test("too_many_attempts: guesses used up elsewhere lead back to step 1", async (t) => {
    const page = await opened(t, { allow: ["POST /api/login/verify 429"] });
    const to = await someone();
    const asked = page.waitForResponse("**/api/login/code");
    await askForCode(page, to);
    const { challenge } = await (await asked).json();
    const code = await desk.codeFor(to);
    for (let guess = 0; guess < 5; guess += 1)
      await desk.api("")("POST", "/api/login/verify", { challenge, code: wrongCode(code) });
    await typeCode(page, code);
    await atLogin(page);
    await says(page.getByRole("status"), /too many wrong codes/);
    assert.equal(await email(page).inputValue(), to);
    await logIn(page, desk, to);
  });

  test("an answer that comes after Change email leads nobody back", async (t) => {
    const page = await openedWithClock(t);
    const to = await someone();
    await askForCode(page, to);
    await page.clock.fastForward("00:30");
    const release = await hold(page, "**/api/login/code");
    const answered = page.waitForResponse("**/api/login/code");
    await resend(page).click();
    await busy(page).waitFor();
    await page.getByRole("button", { name: "Change email" }).click();
    await atLogin(page);
    await release();
    await (await answered).finished();
    await pictured(page);
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Log in");
  });

  test("account_suspended: the right code leads to step 1, which says whom to ask", async (t) => {
    const page = await opened(t, { allow: ["POST /api/login/verify 403"] });
    const to = desk.newAddress("suspended");
    const { id } = await desk.register({ name: "Suspended", admin_email: to });
    await askForCode(page, to);
    const code = await desk.codeFor(to);
    await desk.suspend(id);
    await typeCode(page, code);
    await atLogin(page);
    await says(
      problem(page),
      "This account is suspended, so nobody can log in to it. Contact the provider of the API.",
    );
    assert.equal(await email(page).inputValue(), to);
    await page.reload();
    await atLogin(page);
  });

  test("without an answer to the code, it stays typed in, and logs in the next time", async (t) => {
    const page = await opened(t, { allow: ["POST /api/login/verify failed"] });
    const to = await someone();
    await askForCode(page, to);
    const code = await desk.codeFor(to);
    await page.route("**/api/login/verify", (route) => route.abort("connectionreset"), {
      times: 1,
    });
    await typeCode(page, code);
    await says(problem(page), "No answer came back. Check your connection and try again.");
    assert.equal(await typed(page), code);
    await page.getByRole("button", { name: "Log in" }).click();
    await atConsole(page);
  });

  test("when only the answer to the right code is lost, the person is in anyway", async (t) => {
    const page = await opened(t, { allow: ["POST /api/login/verify failed"] });
    const to = await someone();
    await askForCode(page, to);
    await loseAnswers(page, "POST /api/login/verify", Infinity);
    await typeCode(page, await desk.codeFor(to));
    await atConsole(page);
  });

  test("who is in and was not told is in with the next try", async (t) => {
    const page = await opened(t, {
      allow: [
        /^(POST \/api\/login\/verify|GET \/api\/session) failed$/,
        "POST /api/login/verify 401",
      ],
    });
    const to = await someone();
    await askForCode(page, to);
    await page.route("**/api/session", (route) => route.abort("connectionreset"), { times: 1 });
    await loseAnswers(page, "POST /api/login/verify");
    await typeCode(page, await desk.codeFor(to));
    await says(problem(page), "No answer came back.");
    await page.getByRole("button", { name: "Log in" }).click();
    await atConsole(page);
  });

  // --- Reload, and what is kept

  test("a reload keeps step 2, its address and countdown; the code is kept nowhere", async (t) => {
    const page = await openedWithClock(t);
    const to = await someone();
    await askForCode(page, to);
    const code = await desk.codeFor(to);
    await page.clock.fastForward("00:40");
    await page.keyboard.type(code.slice(0, 5));
    await page.reload();
    await atCode(page);
    await page.getByText(to).waitFor();
    await says(timer(page), /^Expires in 2:[0-2]\d$/);
    assert.equal(await typed(page), "......");
    const kept = await page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
    );
    assert.ok(!kept.includes(code.slice(0, 5)), kept);
    await typeCode(page, code);
    await atConsole(page);
    // The time of the login is kept until its Sandbox has its verdict.
    await says(page, "Sandbox ready");
    assert.deepEqual(
      await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }]),
      [{ "frontdesk.terms": "accepted" }, {}],
      "nothing is kept of a login that is over",
    );
  });

  test("a reload at the first step, and after the login, stays where it was", async (t) => {
    const page = await opened(t);
    const to = await someone();
    await email(page).fill(to);
    await page.reload();
    await atLogin(page);
    await logIn(page, desk, to);
    await page.reload();
    await atConsole(page);
    await page.getByRole("banner").getByText(to).waitFor();
  });

  test("a login that was begun in one tab is not forced upon another", async (t) => {
    const page = await opened(t);
    await askForCode(page, await someone());
    const other = await page.context().newPage();
    await other.goto(desk.url);
    await atLogin(other);
  });

  test("a login that another tab completed is over here, too, once it is logged out", async (t) => {
    // The page may ask for its lists anew while it is logged out.
    const page = await opened(t, { allow: [/^GET \/api\/\w+ 401$/] });
    const to = await someone();
    await askForCode(page, to);
    await desk.codeFor(to);
    const other = await page.context().newPage();
    await logIn(other, desk, to);
    await atConsole(page);
    await page.getByRole("button", { name: "Log out" }).click();
    await atLogin(page);
    await says(page, "You are logged out.");
  });

  test("a browser that translates the page breaks nothing of it", async (t) => {
    const page = await openedWithClock(t, {
      allow: ["POST /api/login/verify 401", "POST /api/login/code 429"],
    });
    const to = await someone();
    await askForCode(page, to);
    const code = await desk.codeFor(to);
    await translate(page);
    await page.clock.fastForward("00:30");
    await says(resend(page), "Resend code");
    await translate(page);
    await typeCode(page, wrongCode(code));
    await says(problem(page), "4 attempts left");
    await translate(page);
    for (let asked = 0; asked < 2; asked += 1) await desk.session(to);
    await resend(page).click();
    await says(problem(page), "Too many codes were asked for");
    await translate(page);
    await page.clock.fastForward("01:00");
    await says(timer(page), /^Expires in 1:\d\d$/);
    await says(resend(page), /^Resend code in 1[34]:\d\d$/);
    await translate(page);
    await page.clock.fastForward("02:00");
    await says(timer(page), "Expired 0:00");
    await page.getByRole("button", { name: "Change email" }).click();
    await atLogin(page);
  });

  test("the session's cookie is out of reach of scripts, and of other sites", async (t) => {
    const page = await opened(t);
    await logIn(page, desk, await someone());
    assert.equal(await page.evaluate(() => document.cookie), "");
    const cookie = (await page.context().cookies()).find(({ name }) => name === "__Host-frontdesk");
    assert.deepEqual(
      [cookie?.secure, cookie?.httpOnly, cookie?.sameSite, cookie?.path],
      [true, true, "Strict", "/"],
    );
  });
});
