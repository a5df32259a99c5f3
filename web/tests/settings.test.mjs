// What the deployment says of itself: its parameters reach the console by /settings.json.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { allow, atLogin, axe, deskAndBrowser, hold, logIn, newPage, says } from "./support.mjs";

/** @import { Browser, Page } from "playwright-core" */
/** @import { Desk } from "./support.mjs" */

const TERMS = "https://example.com/terms?of=use#now";
const PRIVACY = "https://example.com/privacy";
const DOCS = "https://docs.example.com/api";
const CONTACT = "mailto:sales@example.com";

/** @type {Browser} */
let browser;
/** One that says all there is to say. @type {Desk} */
let desk;
deskAndBrowser((...both) => ([desk, browser] = both), {
  ProductName: 'Fish & "Chips"',
  TermsUrl: TERMS,
  PrivacyUrl: PRIVACY,
  DocsUrl: DOCS,
  ContactUrl: CONTACT,
});

/** @param {Page} page @param {string} name */
const link = (page, name) => page.getByRole("link", { name, exact: true });
/** @param {Page} page */
const terms = (page) => page.getByRole("checkbox", { name: "I accept the terms of service." });

/** Where a link leads, and that the console stays open. @param {Page} page @param {string} name */
async function leadsTo(page, name) {
  assert.equal(await link(page, name).getAttribute("target"), "_blank", name);
  assert.equal(await link(page, name).getAttribute("rel"), "noreferrer", name);
  return link(page, name).getAttribute("href");
}

describe("what the deployment says", () => {
  test("the login has the product's name, its terms, and who to ask for an account", async (t) => {
    const page = await newPage(browser, desk, { t });
    await page.goto("/");
    await atLogin(page);
    await page.getByText('Fish & "Chips"', { exact: true }).waitFor();
    await page.waitForFunction(() => document.title === 'Log in · Fish & "Chips"');
    assert.equal(await leadsTo(page, "terms of service"), TERMS);
    assert.equal(await leadsTo(page, "Contact us"), CONTACT);
    assert.equal(await leadsTo(page, "Documentation"), DOCS);
    assert.equal(await leadsTo(page, "Privacy"), PRIVACY);
    // The words around the link still tick the box; the link does not.
    await page.getByText("I accept the").click();
    assert.ok(await terms(page).isChecked());
    await link(page, "terms of service").evaluate((element) => {
      element.addEventListener("click", (event) => event.preventDefault());
    });
    await link(page, "terms of service").click();
    assert.ok(await terms(page).isChecked());
    await axe(page);
  });

  test("the page ends with the Sandbox's overview and how the login works", async (t) => {
    const page = await newPage(browser, desk, { t });
    await logIn(page, desk, "admin@example.com");
    assert.equal(await leadsTo(page, "Sandbox Overview"), `${DOCS}#sandbox-overview`);
    await page.getByText("Learn about the Sandbox workflow and quota").waitFor();
    assert.equal(await leadsTo(page, "Authentication"), `${DOCS}#authentication`);
    await page.getByText("How OTP login works").waitFor();
    assert.equal(await leadsTo(page, "Privacy"), PRIVACY);
    assert.equal(await page.title(), 'API Keys & Sandbox · Fish & "Chips"');
    // All of the page is there, and nothing of it comes and goes while it is looked at.
    await says(page, "Sandbox ready");
    await page.getByRole("rowheader", { name: "admin@example.com" }).waitFor();
    await axe(page);
  });

  test("a new key comes with a way to the product's documentation", async (t) => {
    const page = await newPage(browser, desk, { t });
    await logIn(page, desk, "admin@example.com");
    await page.getByRole("button", { name: "New API Key" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("Documented");
    await page.getByRole("button", { name: "Create Key" }).click();
    await page.getByRole("dialog", { name: "Save your new API key" }).waitFor();
    assert.equal(await leadsTo(page, "Documentation"), DOCS);
    await axe(page);
  });

  test("under a finger every link that stands alone has 44 pixels", async (t) => {
    const page = await newPage(browser, desk, {
      t,
      viewport: { width: 375, height: 812 },
      context: { hasTouch: true, isMobile: true },
    });
    const names = ["Contact us", "Documentation", "Privacy"];
    const large = async (/** @type {string[]} */ names) => {
      for (const name of names) {
        const { width, height } = (await link(page, name).boundingBox()) ?? { width: 0, height: 0 };
        assert.ok(width >= 44 && height >= 44, `${name}: ${width} x ${height}`);
      }
    };
    await page.goto("/");
    await atLogin(page);
    await link(page, "Contact us").waitFor();
    await large(names);
    await logIn(page, desk, "admin@example.com");
    await link(page, "Sandbox Overview").waitFor();
    await large(["Sandbox Overview", "Authentication", "Privacy"]);
  });

  test("the login waits for none of it, and takes it in when it comes", async (t) => {
    const page = await newPage(browser, desk, { t });
    const release = await hold(page, "**/settings.json");
    await page.goto("/");
    await atLogin(page);
    await page.getByText("Heify", { exact: true }).waitFor();
    assert.equal(await page.getByRole("link").count(), 0);
    await page.getByLabel("E-mail").fill("somebody@example.com");
    await terms(page).click();
    await release();
    await link(page, "terms of service").waitFor();
    await page.getByText('Fish & "Chips"', { exact: true }).waitFor();
    assert.equal(await page.getByLabel("E-mail").inputValue(), "somebody@example.com");
    assert.ok(await terms(page).isChecked());
  });
});

describe("what it does not say, or says wrongly", () => {
  test("the login has a name and no link where the file is lost", async (t) => {
    const page = await newPage(browser, desk, { t, allow: ["GET /settings.json failed"] });
    await page.route("**/settings.json", (route) => route.abort("connectionreset"));
    const lost = page.waitForEvent("requestfailed");
    await page.goto("/");
    await lost;
    await hasNoLinks(page, "Heify");
  });

  // What no desk says, for its parameters refuse it: a bucket may have anything in it.
  const links = ["terms_url", "privacy_url", "docs_url", "contact_url"];
  /** The same in every link, beside a good name. @param {unknown} value */
  const everyLink = (value) =>
    JSON.stringify({
      product_name: "Told",
      ...Object.fromEntries(links.map((name) => [name, value])),
    });
  for (const [what, status, body, name] of /** @type {const} */ ([
    ["is missing", 404, everyLink("https://example.com/"), "Heify"],
    ["is no JSON", 200, "<!doctype html>", "Heify"],
    ["is no object", 200, "null", "Heify"],
    ["has an empty name", 200, JSON.stringify({ product_name: " " }), "Heify"],
    ["has numbers", 200, everyLink(7), "Told"],
    ["has scripts", 200, everyLink("javascript:alert(1)"), "Told"],
    ["has another scheme", 200, everyLink("http://example.com/"), "Told"],
    ["has no scheme", 200, everyLink("//example.com/"), "Told"],
    ["has markup", 200, everyLink('https://example.com/"><script>'), "Told"],
    ["has blanks", 200, everyLink(" https://example.com/"), "Told"],
  ])) {
    test(`the login has a name and no link where the file ${what}`, async (t) => {
      const page = await newPage(browser, desk, { t });
      allow(page, "GET /settings.json 404");
      await page.route("**/settings.json", (route) => route.fulfill({ status, body }));
      const answered = page.waitForResponse("**/settings.json");
      await page.goto("/");
      await (await answered).finished();
      await hasNoLinks(page, name);
    });
  }

  /** @param {Page} page @param {string} name */
  async function hasNoLinks(page, name) {
    await atLogin(page);
    await page.getByText(name, { exact: true }).waitFor();
    await page.getByText("I accept the terms of service.").waitFor();
    assert.equal(await page.getByRole("link").count(), 0);
  }
});
