// The mails, as a mail program that is a browser shows them: what a person reads and can click,
// at both ends of the widths, in the light and in the dark.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ADMIN, axe, deskAndBrowser, newPage, says, screens } from "./support.mjs";

/** @import { Desk, Mail } from "./support.mjs" */

describe("Mails", () => {
  /** @type {Desk} */
  let desk;
  /** @type {import("playwright-core").Browser} */
  let browser;

  deskAndBrowser((...both) => ([desk, browser] = both));

  /** The newest mail of a kind. @param {string} kind @returns {Promise<Mail>} */
  async function newest(kind) {
    const mail = (await desk.mails()).find((mail) => mail.kind === kind);
    assert.ok(mail, `a mail of the kind ${kind}`);
    return mail;
  }

  const mails = /** @type {const} */ ([
    [
      "login-code",
      async () => {
        await desk.session(ADMIN);
        return newest("login_code");
      },
    ],
    [
      "invitation",
      async () => {
        const api = desk.api(await desk.session(ADMIN));
        const email = "ada@example.com";
        assert.equal((await api("POST", "/api/team", { email })).status, 201);
        return desk.invitationFor(email);
      },
    ],
  ]);

  for (const [name, send] of mails) {
    test(`The mail ${name} fits any screen; its button opens the URL of its text`, async (t) => {
      const mail = await send();
      const page = await newPage(browser, desk, { t });
      await page.setContent(mail.html);
      assert.equal(await page.title(), mail.subject);
      const [url, ...others] = mail.text.match(/https?:\S+/g) ?? [];
      const link = new RegExp(`^${desk.url}/(#invitation=inv_[\\w.-]+)?$`);
      assert.match(String(url), link, "to the console");
      assert.equal(String(url).includes("#"), name === "invitation");
      assert.deepEqual(others, [], "one URL");
      const button = page.getByRole("link");
      assert.equal(await button.getAttribute("href"), url);
      await says(page, String(url));
      if (mail.code) assert.equal(await page.getByText(mail.code, { exact: true }).count(), 1);
      assert.equal(await page.locator("img, script, link, [src]").count(), 0, "nothing is loaded");
      for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
        await page.emulateMedia({ colorScheme });
        for (const width of [375, 1280]) {
          await page.setViewportSize({ width, height: 800 });
          const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
          assert.equal(scrollWidth, width, `${name} does not fit ${width} pixels`);
          await axe(page);
        }
      }
      await screens(page, `mail-${name}`);
    });
  }
});
