// The tests of the console say nothing about most of what could go wrong in a page: support.mjs
// looks out for it. Here is that it does.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { allow, atLogin, axe, deskAndBrowser, newPage } from "./support.mjs";

/** @import { TestContext } from "node:test" */

describe("Support", () => {
  /** @type {import("./support.mjs").Desk} */
  let desk;
  /** @type {import("playwright-core").Browser} */
  let browser;

  deskAndBrowser((...both) => ([desk, browser] = both));

  /** A page at the login, and how its test would end. @param {TestContext} t */
  async function watched(t) {
    /** @type {(() => unknown)[]} */
    const hooks = [];
    const after = (/** @type {any} */ hook) => void hooks.push(hook);
    const page = await newPage(browser, desk, { t: { after } });
    let ended = false;
    const end = async () => {
      ended = true;
      for (const hook of hooks) await hook();
    };
    t.after(() => ended || end());
    await page.goto(desk.url);
    await atLogin(page);
    return { page, end };
  }

  for (const [what, act, told] of /** @type {[string, () => void, string][]} */ ([
    [
      "an error on the console",
      () => console.error("something is wrong"),
      "console: something is wrong",
    ],
    [
      "an error that nobody catches",
      () => void setTimeout(() => Promise.reject(new Error("nobody caught me"))),
      "nobody caught me",
    ],
    ["an answer that says no", () => void fetch("/api/keys"), "GET /api/keys 401"],
    [
      "a frame",
      () =>
        void document.body.append(Object.assign(document.createElement("iframe"), { src: "/" })),
      "content security policy",
    ],
    [
      "an inline style",
      () =>
        document.body
          .insertAdjacentElement("beforeend", document.createElement("style"))
          ?.append("p { color: red }"),
      "content security policy",
    ],
    [
      "a call to another origin",
      () => void fetch("http://frontdesk.invalid/").catch(() => {}),
      "content security policy",
    ],
  ])) {
    test(`${what} fails a test that does not expect it`, async (t) => {
      const { page, end } = await watched(t);
      // The page's other answers may still be on their way.
      const seen = Promise.race([
        page.waitForEvent("console", (message) => `console: ${message.text()}`.includes(told)),
        page.waitForEvent("pageerror", (error) => told.includes(error.message)),
        page.waitForEvent("response", (response) => told.endsWith(` ${response.status()}`)),
      ]);
      await page.evaluate(act);
      await seen;
      await assert.rejects(end, (/** @type {assert.AssertionError} */ error) =>
        JSON.stringify(error.actual).includes(told),
      );
    });
  }

  test("what a test allows does not fail it", async (t) => {
    const { page, end } = await watched(t);
    allow(page, "GET /api/keys 401");
    await page.evaluate(() => fetch("/api/keys"));
    await end();
  });

  test("axe finds what is wrong with a page", async (t) => {
    const { page } = await watched(t);
    await axe(page);
    await page.evaluate(() =>
      document.querySelector("form")?.append(document.createElement("input")),
    );
    await assert.rejects(axe(page), (/** @type {assert.AssertionError} */ error) =>
      JSON.stringify(error.actual).includes("label"),
    );
  });
});
