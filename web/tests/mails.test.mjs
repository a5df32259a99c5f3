// The mails, as a mail program that is a browser shows them: what a person reads and can click,
// at both ends of the widths, in the light and in the dark.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ADMIN, axe, deskAndBrowser, newPage, says, screens, until } from "./support.mjs";

/** @import { Desk, Mail } from "./support.mjs" */

describe("Mails", () => {
  /** @type {Desk} */
  let desk;
  /** @type {import("playwright-core").Browser} */
  let browser;

  deskAndBrowser((...both) => ([desk, browser] = both));

  /** The newest mail of a kind; waits for it. @param {string} kind @returns {Promise<Mail>} */
  const newest = (kind) =>
    until(`a mail of the kind ${kind}`, async () =>
      (await desk.mails()).find((mail) => mail.kind === kind),
    );

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
    [
      "key-expiring",
      async () => {
        const api = desk.api(await desk.session(ADMIN));
        const day = 24 * 3600;
        const expires_at = new Date(Date.now() + 8 * day * 1000).toISOString();
        const key = { name: "Order service, production", expires_at };
        assert.equal((await api("POST", "/api/keys", key)).status, 201);
        await desk.advance(day + 600);
        return newest("key_expiring");
      },
    ],
    [
      "usage-warning",
      async () => {
        const admin_email = await desk.newAdmin({ limits: { per_month: 40 } });
        const api = desk.api(await desk.session(admin_email));
        const { api_key } = await until("the Sandbox key", async () => {
          const { status, body } = await api("POST", "/api/sandbox/key");
          return status === 200 && body;
        });
        for (let calls = 0; calls < 32; calls += 1) await desk.callProduct(api_key);
        return newest("usage_warning");
      },
    ],
  ]);

  /** Where in the console a mail leads. */
  const links = {
    "login-code": "",
    invitation: "#invitation=inv_[\\w.-]+",
    "key-expiring": "#keys",
    "usage-warning": "#usage",
  };

  for (const [name, send] of mails) {
    test(`The mail ${name} fits any screen; its button opens the URL of its text`, async (t) => {
      const mail = await send();
      const page = await newPage(browser, desk, { t });
      await page.setContent(mail.html);
      assert.equal(await page.title(), mail.subject);
      const [url, ...others] = mail.text.match(/https?:\S+/g) ?? [];
      const link = new RegExp(`^${desk.url}/${links[name]}$`);
      assert.match(String(url), link, "to the console");
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
