// The whole page, as two people use it: an admin, and a member whom the admin invites. It follows
// the page's own description from its first sentence to its last, with the product API that the
// keys are for at the other end.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ADMIN,
  askForCode,
  atConsole,
  atLogin,
  clipboard,
  isGone,
  launch,
  logIn,
  newPage,
  says,
  startDesk,
  typeCode,
} from "./support.mjs";

const BOB = "bob@example.com";

/** @import { Page } from "playwright-core" */

/** @param {Page} page @param {string} name */
const section = (page, name) => page.getByRole("region", { name, exact: true });
/** @param {Page} page @param {string} name @param {string} words */
const row = (page, name, words) => section(page, name).getByRole("row").filter({ hasText: words });

/**
 * Makes a key by the console and takes it down, as the page asks for. Gives its value.
 *
 * @param {Page} page
 * @param {string} name
 */
async function makeKey(page, name) {
  await page.getByRole("button", { name: "New API Key" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Create Key" }).click();
  const viewer = page.getByRole("dialog", { name: "Save your new API key" });
  await viewer.waitFor();
  assert.ok(!(await viewer.innerText()).includes("fd_live_"), "hidden until it is asked for");
  await viewer.getByRole("button", { name: "Show key" }).click();
  const value = await viewer.getByText(/^fd_live_\w+$/).innerText();
  await viewer.getByRole("button", { name: "Copy key" }).click();
  await says(viewer, "Copied to the clipboard.");
  const done = viewer.getByRole("button", { name: "Got it, I saved it" });
  assert.ok(await done.isDisabled());
  await viewer
    .getByRole("checkbox", { name: "I have copied and saved this key in a safe place." })
    .click();
  await done.click();
  await viewer.waitFor({ state: "detached" });
  return value;
}

test("an admin and an invited member go the whole way, from login to revoked access", async (t) => {
  const desk = await startDesk();
  t.after(() => desk.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const ada = await newPage(browser, desk, { t });
  const bob = await newPage(browser, desk, { t, allow: [/^(GET|POST) \/api\/\w+(\/test)? 401$/] });
  let zapier = "";

  await t.test(
    "the admin's first login finds a Sandbox that works, without another step",
    async () => {
      await logIn(ada, desk, ADMIN);
      for (const name of ["Sandbox status", "API keys", "Team"]) await section(ada, name).waitFor();
      await says(section(ada, "Sandbox status"), "Sandbox ready");
      const sandbox = section(ada, "API keys").getByRole("row").nth(1);
      await sandbox.locator(".badge", { hasText: "Sandbox" }).waitFor();
      assert.deepEqual(await section(ada, "API keys").getByRole("columnheader").allInnerTexts(), [
        "Name",
        "Created on",
        "Last used",
        "Expires",
        "Actions",
      ]);
      await says(section(ada, "API keys"), "1 / 10");
      await says(section(ada, "Team"), "1 / 5");
    },
  );

  await t.test("a manual validation says that the reserved key works", async () => {
    await ada.getByRole("button", { name: "Test Connection" }).click();
    await says(ada, "The reserved key works.");
    await says(section(ada, "Sandbox status"), "Sandbox ready");
  });

  await t.test("a key that the admin makes opens the product API", async () => {
    zapier = await makeKey(ada, "Zapier Integration");
    assert.equal(await clipboard(ada), zapier);
    await row(ada, "API keys", "Zapier Integration").waitFor();
    await says(section(ada, "API keys"), "2 / 10");
    const answer = await desk.callProduct(zapier);
    assert.equal(answer.status, 200);
    assert.ok(Array.isArray(answer.body.configurations));
  });

  await t.test(
    "the Sandbox key stays on top, and the newest of the others comes next",
    async () => {
      await makeKey(ada, "Backend Staging");
      await row(ada, "API keys", "Backend Staging").waitFor();
      const names = await section(ada, "API keys").locator("tbody .cell-name").allInnerTexts();
      assert.deepEqual(names.slice(1), ["Backend Staging", "Zapier Integration"]);
      await section(ada, "API keys")
        .getByRole("row")
        .nth(1)
        .locator(".badge", { hasText: "Sandbox" })
        .waitFor();
    },
  );

  await t.test(
    "the admin invites a colleague, who is pending and gets a mail with one link",
    async () => {
      await ada.getByRole("button", { name: "Add member" }).click();
      await ada.getByLabel("E-mail").fill(BOB);
      await ada.getByRole("button", { name: "Send invitation" }).click();
      await row(ada, "Team", BOB).getByText("Pending", { exact: true }).waitFor();
      await says(section(ada, "Team"), "2 / 5");
      const mail = await desk.invitationFor(BOB);
      assert.deepEqual(
        [...mail.text.matchAll(/https?:\/\/\S+/g)].map(([link]) => new URL(link).origin),
        [desk.url],
      );
    },
  );

  await t.test(
    "the colleague follows the link and logs in by a mailed code: nothing to set up, no password",
    async () => {
      const [link = ""] = /https?:\/\/\S+/.exec((await desk.invitationFor(BOB)).text) ?? [];
      await bob.goto(link);
      await logIn(bob, desk, BOB);
      await bob.getByRole("banner").getByText(BOB).waitFor();
      await bob.getByRole("banner").getByText("Member", { exact: true }).waitFor();
      await says(section(bob, "Sandbox status"), "Sandbox ready");
    },
  );

  await t.test(
    "the member sees the keys and no more: no actions, no team, nothing fetched of it",
    async () => {
      /** @type {string[]} */
      const asked = [];
      bob.on("request", (request) => asked.push(new URL(request.url()).pathname));
      await bob.reload();
      await row(bob, "API keys", "Zapier Integration").waitFor();
      assert.deepEqual(await section(bob, "API keys").getByRole("columnheader").allInnerTexts(), [
        "Name",
        "Created on",
        "Last used",
        "Expires",
      ]);
      assert.deepEqual(await section(bob, "API keys").getByRole("button").allInnerTexts(), [""]);
      await section(bob, "API keys").getByRole("button", { name: "Copy Sandbox key" }).waitFor();
      await says(section(bob, "API keys"), "You can see the keys; an admin manages them.");
      assert.equal(await section(bob, "Team").count(), 0);
      assert.ok(!(await bob.locator("body").innerText()).includes(ADMIN));
      assert.deepEqual(
        asked.filter((path) => path.startsWith("/api/team")),
        [],
      );
    },
  );

  await t.test("the admin sees that the colleague has arrived", async () => {
    await ada.reload();
    await row(ada, "Team", BOB).waitFor();
    assert.equal(await row(ada, "Team", BOB).getByText("Pending", { exact: true }).count(), 0);
  });

  await t.test("a deleted key opens nothing any more, from the next call on", async () => {
    await ada.getByRole("button", { name: "Delete Zapier Integration" }).click();
    const question = ada.getByRole("alertdialog");
    await says(question, "This action cannot be undone.");
    await question.getByRole("button", { name: "Delete key" }).click();
    await isGone(row(ada, "API keys", "Zapier Integration"));
    const answer = await desk.callProduct(zapier);
    assert.equal(answer.status, 403);
    assert.equal(answer.body.error.code, 403);
  });

  await t.test(
    "without its reserved key the Sandbox is not configured, and a retry makes a new one",
    async () => {
      await ada.getByRole("button", { name: /^Delete Sandbox/ }).click();
      await ada.getByRole("alertdialog").getByRole("button", { name: "Delete key" }).click();
      await says(section(ada, "Sandbox status"), "Sandbox not configured");
      assert.equal(await ada.getByRole("button", { name: "Test Connection" }).count(), 0);
      await ada.getByRole("button", { name: "Retry Auto-Configuration" }).click();
      await says(section(ada, "Sandbox status"), "Sandbox ready");
      await section(ada, "API keys")
        .getByRole("row")
        .nth(1)
        .locator(".badge", { hasText: "Sandbox" })
        .waitFor();
    },
  );

  await t.test("revoking the colleague's access ends it immediately", async () => {
    await ada.getByRole("button", { name: `Revoke access of ${BOB}` }).click();
    await ada.getByRole("alertdialog").getByRole("button", { name: "Revoke access" }).click();
    await isGone(row(ada, "Team", BOB));
    await says(section(ada, "Team"), "1 / 5");
    await bob.getByRole("button", { name: "Test Connection" }).click();
    await atLogin(bob);
    await says(bob.getByRole("status"), /Your session has ended/);
  });

  await t.test("the colleague cannot log in again, and nothing tells a stranger why", async () => {
    const before = (await desk.mails()).length;
    await askForCode(bob, BOB);
    await says(bob, /If bob@example\.com is registered/);
    // Mails leave in order: a code for Bob would have gone before this one.
    await desk.register({ name: "Another account", admin_email: "carol@example.com" });
    await desk.session("carol@example.com");
    assert.deepEqual(
      (await desk.mails()).slice(0, -before).map(({ to }) => to),
      ["carol@example.com"],
    );
  });

  await t.test("until there is a new invitation", async () => {
    await ada.getByRole("button", { name: "Add member" }).click();
    await ada.getByLabel("E-mail").fill(BOB);
    await ada.getByRole("button", { name: "Send invitation" }).click();
    await row(ada, "Team", BOB).getByText("Pending", { exact: true }).waitFor();
    await bob.getByRole("button", { name: "Change email" }).click();
    await askForCode(bob, BOB);
    await typeCode(bob, await desk.codeFor(BOB));
    await atConsole(bob);
  });
});
