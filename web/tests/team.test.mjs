// The block "Team": for admins, who invite and revoke; for members it is not there at all.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allow,
  askForCode,
  atConsole,
  atLogin,
  comeBack,
  deskAndBrowser,
  focusOn,
  isGone,
  logIn,
  loseAnswers,
  newPage,
  newTab,
  pointAt,
  readAnew,
  requests,
  says,
  until,
} from "./support.mjs";

/** @import { Page, Request } from "playwright-core" */
/** @import { TestContext } from "node:test" */

/** @type {import("./support.mjs").Desk} */
let desk;
/** @type {import("playwright-core").Browser} */
let browser;
let accounts = 0;

deskAndBrowser((...both) => ([desk, browser] = both));

/**
 * The page of an admin with an account of their own, logged in.
 *
 * @param {TestContext} t
 * @param {{ member_limit?: number }} [limits]
 */
async function admin(t, { member_limit = 5 } = {}) {
  accounts += 1;
  const email = `admin-${accounts}@team.example.com`;
  await desk.register({ name: `Account ${accounts}`, admin_email: email, member_limit });
  await desk.mailService("up");
  const page = await newPage(browser, desk, { t });
  await logIn(page, desk, email);
  await row(page, email).waitFor();
  return { page, email, someone: `someone-${accounts}@team.example.com` };
}

/** @param {Page} page */
const block = (page) => page.getByRole("region", { name: "Team" });

/** @param {Page} page @param {string} email */
const row = (page, email) =>
  block(page)
    .getByRole("row")
    .filter({ has: page.getByRole("rowheader", { name: email }) });

/** @param {Page} page */
const dialog = (page) => page.getByRole("dialog", { name: "Add member" });

/** @param {Page} page @param {string} email */
async function invite(page, email) {
  await page.getByRole("button", { name: "Add member" }).click();
  await dialog(page).getByLabel("E-mail").fill(email);
  await page.getByRole("button", { name: "Send invitation" }).click();
  await dialog(page).waitFor({ state: "hidden" });
  await row(page, email).waitFor();
}

/** @param {Page} page @param {string} email */
async function revoke(page, email) {
  await page.getByRole("button", { name: `Revoke access of ${email}` }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke access" }).click();
  await isGone(row(page, email));
}

/** Invites beside the page. @param {Page} page @param {string} email */
async function invited(page, email) {
  const answer = await page.request.post("/api/team", {
    data: { email },
    headers: { origin: desk.url },
  });
  assert.equal(answer.status(), 201);
  return (await answer.json()).member;
}

test("an invited address gets a mail, whose reader logs in at once by a mailed code", async (t) => {
  const { page, someone } = await admin(t);
  await page.getByRole("button", { name: "Add member" }).click();
  const field = dialog(page).getByLabel("E-mail");
  await focusOn(field);
  await field.fill(someone);
  await page.getByRole("button", { name: "Send invitation" }).click();
  await dialog(page).waitFor({ state: "hidden" });
  await says(page, `${someone} is invited. A mail with the link is on its way.`);
  await says(row(page, someone), "Pending");
  const mail = await desk.invitationFor(someone);
  assert.ok(mail.text.includes(desk.url), "the mail leads to the console");

  const theirs = await newPage(browser, desk, { t });
  await logIn(theirs, desk, someone);
  await says(theirs, someone);
  await theirs.getByRole("region", { name: "API keys" }).waitFor();
  assert.equal(await block(theirs).count(), 0);

  await comeBack(page);
  await isGone(row(page, someone).getByText("Pending"));
});

test("that somebody is invited is not said beside that they have no access", async (t) => {
  const { page, someone } = await admin(t);
  await invite(page, someone);
  await says(page, `${someone} is invited. A mail with the link is on its way.`);
  await revoke(page, someone);
  await says(page, `${someone} has no access any more.`);
  assert.equal(await page.locator(".toast", { hasText: "is invited" }).count(), 0);
});

test("the header counts X / Y, with those who are only invited", async (t) => {
  const { page, someone } = await admin(t, { member_limit: 3 });
  await says(block(page), "1 / 3");
  await invite(page, someone);
  await says(block(page), "2 / 3");
  await revoke(page, someone);
  await says(block(page), "1 / 3");
});

test("at the limit Add member is disabled and says why; a revocation makes room", async (t) => {
  const { page, someone } = await admin(t, { member_limit: 2 });
  await invite(page, someone);
  await says(block(page), "2 / 2");
  await page
    .getByRole("button", {
      name: "Add member",
      disabled: true,
      description: /The account’s limit of 2 members is reached/,
    })
    .waitFor();
  const button = page.getByRole("button", { name: "Add member" });
  await pointAt(button);
  await says(page.locator(".tooltip"), "Remove a member to add another.");
  await button.click({ force: true });
  await button.press("Enter");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await revoke(page, someone);
  await page.getByRole("button", { name: "Add member", disabled: false }).click();
  await dialog(page).waitFor();
});

test("a limit that was reached meanwhile is told in the dialog", async (t) => {
  const { page, someone } = await admin(t, { member_limit: 2 });
  await page.getByRole("button", { name: "Add member" }).click();
  await invited(page, someone);
  allow(page, "POST /api/team 409");
  await dialog(page).getByLabel("E-mail").fill("too-late@team.example.com");
  await page.getByRole("button", { name: "Send invitation" }).click();
  await says(
    dialog(page),
    "The account has as many members as it may. " +
      "Remove one, or ask the provider of the API for more.",
  );
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Add member", disabled: true }).waitFor();
});

test("what is no address is told at its field, by the page or else by the server", async (t) => {
  const { page } = await admin(t);
  const sent = requests(page, "POST");
  await page.getByRole("button", { name: "Add member" }).click();
  const field = dialog(page).getByLabel("E-mail");
  const alert = dialog(page).getByRole("alert");
  for (const [text, words] of /** @type {const} */ ([
    ["", "Enter an e-mail address, such as name@example.com."],
    ["nobody", "Enter an e-mail address, such as name@example.com."],
    ["nobody@example", "What follows the @ is no domain, such as example.com."],
    ["jürgen@team.example.com", "“ü” cannot stand before the @."],
  ])) {
    await field.fill(text);
    await page.getByRole("button", { name: "Send invitation" }).click();
    await says(alert, words);
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    await focusOn(field);
  }
  assert.equal(sent.length, 0);
  allow(page, "POST /api/team 400");
  await field.fill("nobody@-team.example.com");
  assert.equal(await alert.count(), 0, "the words go once the address changes");
  await page.getByRole("button", { name: "Send invitation" }).click();
  await says(alert, "Enter a valid e-mail address, such as name@example.com.");
  assert.equal(sent.length, 1);
});

test("an address registered here or in another account is refused at its field", async (t) => {
  const { page, email, someone } = await admin(t);
  await invite(page, someone);
  allow(page, "POST /api/team 409");
  await page.getByRole("button", { name: "Add member" }).click();
  for (const registered of [email, someone, someone.toUpperCase(), "admin@example.com"]) {
    await dialog(page).getByLabel("E-mail").fill(registered);
    await page.getByRole("button", { name: "Send invitation" }).click();
    await says(dialog(page).getByRole("alert"), "This e-mail address belongs to a member already.");
  }
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await dialog(page).waitFor({ state: "hidden" });
  await says(block(page), "2 / 5");
  // Nothing is left of what was typed.
  await page.getByRole("button", { name: "Add member" }).click();
  assert.equal(await dialog(page).getByLabel("E-mail").inputValue(), "");
});

test("an invitation whose answer got lost is there, and a second one says so", async (t) => {
  const { page, someone } = await admin(t);
  allow(page, "POST /api/team failed", "POST /api/team 409");
  await loseAnswers(page, "POST /api/team");
  await page.getByRole("button", { name: "Add member" }).click();
  await dialog(page).getByLabel("E-mail").fill(someone);
  await page.getByRole("button", { name: "Send invitation" }).click();
  await says(dialog(page), "No answer came back. Check your connection and try again.");
  assert.equal(await dialog(page).getByLabel("E-mail").inputValue(), someone);
  await page.getByRole("button", { name: "Send invitation" }).click();
  await says(dialog(page), "This e-mail address belongs to a member already.");
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await says(row(page, someone), "Pending");
});

/** Declines the newest invitation of somebody, as its link does. @param {string} email */
async function declined(email) {
  const [, invitation] = /#invitation=(\S+)/.exec((await desk.invitationFor(email)).text) ?? [];
  const answer = await desk.api("")("POST", "/api/invitation/decline", { invitation });
  assert.equal(answer.status, 204);
}

/**
 * Invites somebody whom the mail service refuses, until the list says so.
 * @param {Page} page
 * @param {string} someone
 */
async function inviteInVain(page, someone) {
  await desk.mailService("rejecting");
  await invite(page, someone);
  await until("the mail to fail", async () => {
    const { members } = await (await page.request.get("/api/team")).json();
    return members.some(
      (/** @type {{ mail_problem: string }} */ member) => member.mail_problem === "failed",
    );
  });
  await comeBack(page);
  await says(row(page, someone), "Invitation failed");
}

test("an invitation that cannot be mailed is marked, with what to do", async (t) => {
  const { page, someone } = await admin(t);
  await inviteInVain(page, someone);
  await says(row(page, someone), "The mail could not be delivered. Send it again, or revoke");
  await desk.mailService("up");
  await revoke(page, someone);
  await invite(page, someone);
  await says(row(page, someone), "Pending");
  await desk.invitationFor(someone);
});

test("a mail that fails after the invitation is told, without a reload", async (t) => {
  const { page, someone } = await admin(t);
  await desk.mailService("rejecting");
  await invite(page, someone);
  await says(row(page, someone), "Invitation failed");
  await says(page, `The invitation to ${someone} could not be mailed.`);
  const again = page.getByRole("button", { name: `Resend invitation to ${someone}` });
  await desk.mailService("up");
  await again.click();
  await says(row(page, someone), "Pending");
  await desk.invitationFor(someone);
  await desk.mailService("rejecting");
  await again.click();
  await says(row(page, someone), "Invitation failed");
});

test("the list follows a mail less and less often, and no longer than it may matter", async (t) => {
  const { page, someone } = await admin(t);
  /** @type {Request[]} */
  const reads = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/api/team") && request.method() === "GET") reads.push(request);
  });
  // It is neither sent nor given up.
  await desk.mailService("throttling");
  await page.clock.install();
  await invite(page, someone);
  /** How often it is read in so many seconds. @param {number} seconds */
  const readsIn = async (seconds) => {
    const before = reads.length;
    for (let second = 0; second < seconds; second += 1) {
      await page.clock.runFor(1_000);
      await (await reads.at(-1)?.response())?.finished();
    }
    return reads.length - before;
  };
  const early = await readsIn(10);
  await readsIn(70);
  const late = await readsIn(10);
  assert.ok(early > late, `${early} and then ${late}`);
  await readsIn(60);
  assert.equal(await readsIn(60), 0);
});

test("an invitation that has ended meanwhile is told to whoever acts on it", async (t) => {
  const { page, someone } = await admin(t);
  const other = `other-${accounts}@team.example.com`;
  for (const email of [someone, other]) await invite(page, email);
  for (const email of [someone, other]) await declined(email);
  allow(page, /^(POST|DELETE) \/api\/team\/\S+ 404$/);
  await page.getByRole("button", { name: `Resend invitation to ${someone}` }).click();
  await says(page, `The invitation of ${someone} is over: it was declined, revoked or too old.`);
  await isGone(row(page, someone));
  await isGone(row(page, other));
});

test("a question about somebody who is gone says so and closes", async (t) => {
  const { page, someone } = await admin(t);
  await invite(page, someone);
  await page.getByRole("button", { name: `Revoke access of ${someone}` }).click();
  await page.getByRole("alertdialog").waitFor();
  await declined(someone);
  await comeBack(page);
  await says(page, `The invitation of ${someone} is over: it was declined, revoked or too old.`);
  await isGone(row(page, someone));
  assert.equal(await page.getByRole("alertdialog").count(), 0);
});

test("a limit of one member is told in the singular", async (t) => {
  const { page } = await admin(t, { member_limit: 1 });
  await says(block(page), "The account’s limit of 1 member is reached.");
});

test("an invitation is mailed again at a press, and says so", async (t) => {
  const { page, someone } = await admin(t);
  await inviteInVain(page, someone);
  await desk.mailService("up");
  const resend = page.getByRole("button", { name: `Resend invitation to ${someone}` });
  await resend.click();
  await says(page, `The invitation is mailed to ${someone} again.`);
  await says(row(page, someone), "Pending");
  await desk.invitationFor(someone);
  // Three times a day; what is said then comes from the server.
  allow(page, /^POST \/api\/team\/\S+ 429$/);
  for (let time = 2; time <= 3; time += 1) {
    const sent = page.waitForResponse((response) => response.url().endsWith("/invitation"));
    await resend.click();
    assert.equal((await sent).status(), 202);
  }
  await resend.click();
  await says(page, "Try again tomorrow.");
  // Whoever has come is invited no more.
  const theirs = await newPage(browser, desk, { t });
  await logIn(theirs, desk, someone);
  await comeBack(page);
  await isGone(resend);
});

test("the trash icon asks, and revokes once confirmed: no login until invited anew", async (t) => {
  const { page, someone } = await admin(t);
  await invite(page, someone);
  const theirs = await newPage(browser, desk, { t, allow: [/^\w+ \/api\/\S+ 401$/] });
  await logIn(theirs, desk, someone);
  // Nothing that is under way finds it out before the next act.
  await theirs.getByRole("button", { name: "Test Connection" }).waitFor();

  const trash = page.getByRole("button", { name: `Revoke access of ${someone}` });
  const ask = page.getByRole("alertdialog", { name: `Revoke access of ${someone}?` });
  await trash.click();
  await says(
    ask,
    "Access ends immediately: they are logged out everywhere " +
      "and cannot log in again until they are re-invited.",
  );
  await ask.getByRole("button", { name: "Cancel" }).click();
  await ask.waitFor({ state: "hidden" });
  await focusOn(trash);
  await trash.click();
  await ask.getByRole("button", { name: "Revoke access" }).click();
  await isGone(row(page, someone));
  await says(page, `${someone} has no access any more.`);
  await focusOn(block(page).getByRole("heading"));

  // Seen by the revoked browser on its next act.
  await theirs.getByRole("button", { name: "Test Connection" }).click();
  await atLogin(theirs);
  await says(
    theirs,
    "Your session has ended: it expired, was logged out elsewhere, or your access was removed.",
  );
  await theirs.getByRole("button", { name: "Send Code" }).click();
  await theirs.getByRole("heading", { name: "Enter your code" }).waitFor();

  await invite(page, someone);
  await theirs.getByRole("button", { name: "Change email" }).click();
  await askForCode(theirs, someone);
  // Two logins of theirs were mailed a code; the one in between was not.
  const codes = (
    await until("a code", async () => {
      const found = (await desk.mails()).filter(
        (mail) => mail.kind === "login_code" && mail.to === someone,
      );
      return found.length >= 2 && found;
    })
  ).length;
  assert.equal(codes, 2);
  await theirs.getByLabel("Digit 1 of 6").focus();
  await theirs.keyboard.type(await desk.codeFor(someone));
  await atConsole(theirs);
});

test("the row of the last admin explains itself, and cannot be revoked", async (t) => {
  const { page, email } = await admin(t);
  await says(row(page, email), "You");
  await says(row(page, email), /^Admin.* · The last admin cannot be removed$/);
  await row(page, email)
    .getByRole("button", {
      disabled: true,
      description: "The last admin of an account cannot be removed.",
    })
    .waitFor();
  const trash = row(page, email).getByRole("button");
  await pointAt(trash);
  await says(page.locator(".tooltip"), "The last admin of an account cannot be removed.");
  await trash.click({ force: true });
  await trash.press("Enter");
  assert.equal(await page.getByRole("alertdialog").count(), 0);
});

test("a member whom another tab revoked meanwhile is told and goes from the list", async (t) => {
  const { page, someone } = await admin(t);
  const { id } = await invited(page, someone);
  await page.reload();
  await page.getByRole("button", { name: `Revoke access of ${someone}` }).click();
  const other = await newTab(page);
  await other.goto(desk.url);
  await revoke(other, someone);
  await page.bringToFront();
  allow(page, `DELETE /api/team/${id} 404`);
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke access" }).click();
  await says(page, `The invitation of ${someone} is over: it was declined, revoked or too old.`);
  await isGone(row(page, someone));
});

test("members see nothing of the team, and nothing of it is fetched for them", async (t) => {
  const { page, email, someone } = await admin(t);
  await invite(page, someone);
  const theirs = await newPage(browser, desk, { t });
  /** @type {string[]} */
  const fetched = [];
  theirs.on("response", async (response) => {
    fetched.push(new URL(response.url()).pathname);
    if (response.url().endsWith("/api/session") && response.ok())
      fetched.push(await response.text());
  });
  await logIn(theirs, desk, someone);
  await theirs.reload();
  await theirs
    .getByRole("region", { name: "API keys" })
    .getByRole("row", { name: "Sandbox" })
    .waitFor();
  await comeBack(theirs);
  await until("the session", async () => fetched.some((text) => text.includes('"role":"member"')));
  assert.deepEqual(await theirs.getByRole("heading", { level: 2 }).allTextContents(), [
    "Sandbox status",
    "API keys",
  ]);
  assert.equal(await theirs.getByText("Add member").count(), 0);
  assert.equal(await theirs.getByText(email).count(), 0);
  assert.deepEqual(
    fetched.filter((text) => /^\/api\/team|member_count|member_limit/.test(text)),
    [],
  );
  // Nor can they by hand.
  const headers = { origin: desk.url };
  assert.equal((await theirs.request.get("/api/team")).status(), 403);
  assert.equal(
    (
      await theirs.request.post("/api/team", {
        data: { email: "friend@team.example.com" },
        headers,
      })
    ).status(),
    403,
  );
});

test("mail that comes back or is unwanted shows with its member, and what to do", async (t) => {
  const { page, someone } = await admin(t);
  await desk.mailService("bouncing");
  await invite(page, someone);
  await says(row(page, someone), "Mail bounced");
  await says(row(page, someone), "The address takes no mail. Check that it is right.");
  await desk.mailService("complaining");
  await page.getByRole("button", { name: `Resend invitation to ${someone}` }).click();
  await says(row(page, someone), "Mail unwanted");
  await desk.mailService("up");
  await page.getByRole("button", { name: `Resend invitation to ${someone}` }).click();
  await says(row(page, someone), "Pending");
});

test("an admin who has not logged in yet lets the only other one go nowhere", async (t) => {
  const { page, someone } = await admin(t);
  const headers = { origin: desk.url };
  const data = { email: someone, role: "admin" };
  assert.equal((await page.request.post("/api/team", { data, headers })).status(), 201);
  await page.reload();
  await says(row(page, someone), "Admin");
  await says(page, "The last admin cannot be removed");
});

/** @param {Page} page @param {string} email @param {string} item */
async function choose(page, email, item) {
  await page.getByRole("button", { name: `More actions for ${email}` }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

/** @param {Page} page @param {string} item */
const confirm = (page, item) =>
  page.getByRole("alertdialog").getByRole("button", { name: item }).click();

/** Somebody beside the page, who has logged in. @param {Page} page @param {string} email */
async function joined(page, email, role = "member") {
  const headers = { origin: desk.url };
  const answer = await page.request.post("/api/team", { data: { email, role }, headers });
  assert.equal(answer.status(), 201);
  const token = await desk.session(email);
  await readAnew(page);
  await says(row(page, email), role === "admin" ? "Admin" : "Member");
  await isGone(row(page, email).getByText("Pending"));
  return { id: (await answer.json()).member.id, api: desk.api(token) };
}

test("an admin is invited as one, and is one from the first login on", async (t) => {
  const { page, someone } = await admin(t);
  await page.getByRole("button", { name: "Add member" }).click();
  await says(dialog(page), "Members use everything the API offers.");
  await dialog(page).getByLabel("E-mail").fill(someone);
  await dialog(page).getByLabel("Role").selectOption("Admin");
  await says(dialog(page), "Admins manage API keys and members");
  await page.getByRole("button", { name: "Send invitation" }).click();
  await says(row(page, someone), "Pending");
  await says(row(page, someone), "Admin");
  // The next one is a member again.
  await page.getByRole("button", { name: "Add member" }).click();
  assert.equal(await dialog(page).getByLabel("Role").inputValue(), "Member");

  const theirs = await newPage(browser, desk, { t });
  await logIn(theirs, desk, someone);
  await says(row(theirs, someone), "You");
});

test("a role is changed later, and the page of whoever has it follows", async (t) => {
  const { page, someone } = await admin(t);
  await invite(page, someone);
  const theirs = await newPage(browser, desk, { t });
  await logIn(theirs, desk, someone);
  assert.equal(await block(theirs).count(), 0);

  await choose(page, someone, "Make an admin");
  const ask = page.getByRole("alertdialog", { name: `Make ${someone} an admin?` });
  await says(ask, "Admins manage API keys and members");
  await ask.getByRole("button", { name: "Cancel" }).click();
  await focusOn(page.getByRole("button", { name: `More actions for ${someone}` }));
  await choose(page, someone, "Make an admin");
  await confirm(page, "Make an admin");
  await says(page, `${someone} is an admin now.`);
  await says(row(page, someone), "Admin");
  await readAnew(theirs);
  await says(row(theirs, someone), "You");

  await choose(page, someone, "Make a member");
  await confirm(page, "Make a member");
  await says(page, `${someone} is a member now.`);
  await says(row(page, someone), "Member");
  await comeBack(theirs);
  await isGone(block(theirs));
});

test("who gives up being an admin sees the page of a member at once", async (t) => {
  const { page, email, someone } = await admin(t);
  await joined(page, someone, "admin");
  await choose(page, email, "Make a member");
  const ask = page.getByRole("alertdialog", { name: "Give up being an admin?" });
  await says(ask, "Only another admin can make you one again.");
  await confirm(page, "Make a member");
  await says(page, "You are a member now.");
  await isGone(block(page));
  await focusOn(page.getByRole("main"));
  await says(page, "You can see the keys; an admin manages them.");
});

test("that the last admin stays one is told in words", async (t) => {
  const { page, email, someone } = await admin(t);
  assert.equal(await row(page, email).getByRole("button", { name: "More actions" }).count(), 0);
  const { id } = await joined(page, someone, "admin");
  await choose(page, email, "Make a member");
  const headers = { origin: desk.url };
  await page.request.patch(`/api/team/${id}`, { data: { role: "member" }, headers });
  allow(page, /^PATCH \/api\/team\/\S+ 409$/);
  await confirm(page, "Make a member");
  await says(
    page.getByRole("alertdialog"),
    "Nobody else who has logged in is an admin of the account. Make somebody one first.",
  );
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await says(row(page, email), "The last admin cannot be removed");
});

test("an account with one admin is told that a second one is wise", async (t) => {
  const { page, someone } = await admin(t);
  const words = block(page).getByText("A second one is wise");
  await words.waitFor();
  const { id } = await invited(page, someone);
  await readAnew(page);
  await row(page, someone).waitFor();
  await words.waitFor();
  await choose(page, someone, "Make an admin");
  await confirm(page, "Make an admin");
  await isGone(words);
  const headers = { origin: desk.url };
  await page.request.patch(`/api/team/${id}`, { data: { role: "member" }, headers });
  await comeBack(page);
  await words.waitFor();
});

test("a revocation tells which keys they made, and each can be rotated or deleted", async (t) => {
  const { page, someone } = await admin(t);
  const { api } = await joined(page, someone, "admin");
  /** @type {string[]} */
  const values = [];
  for (const name of ["iOS App", "Zapier"]) {
    const { status, body } = await api("POST", "/api/keys", { name });
    assert.equal(status, 201);
    values.push(body.api_key);
  }
  await comeBack(page);
  const keys = page.getByRole("region", { name: "API keys" });
  await keys.getByRole("rowheader", { name: "Zapier" }).waitFor();
  await page.getByRole("button", { name: `Revoke access of ${someone}` }).click();
  await says(page.getByRole("alertdialog"), "Made 2 keys: Zapier, iOS App. They stay valid.");
  await confirm(page, "Revoke access");

  const left = page.getByRole("dialog", { name: `Keys that ${someone} made` });
  await says(left, "Made 2 keys: Zapier, iOS App. They stay valid.");
  for (const value of values) assert.equal((await desk.callProduct(value)).status, 200);
  await left.getByRole("button", { name: "Rotate iOS App" }).click();
  const rotation = page.getByRole("dialog", { name: "Rotate “iOS App”" });
  await rotation.getByRole("combobox").selectOption("At once");
  await rotation.getByRole("button", { name: "Rotate", exact: true }).click();
  await page.getByRole("checkbox", { name: /I have copied/ }).click();
  await page.getByRole("button", { name: "Got it, I saved it" }).click();
  await focusOn(left.getByRole("button", { name: "Rotate iOS App" }));
  await says(left, "Rotated");
  assert.equal((await desk.callProduct(values[0] ?? "")).status, 403);

  await left.getByRole("button", { name: "Delete Zapier" }).click();
  await confirm(page, "Delete key");
  await says(left, "Made 1 key: iOS App. It stays valid.");
  assert.equal(await left.getByRole("button", { name: "Delete Zapier" }).count(), 0);
  assert.equal((await desk.callProduct(values[1] ?? "")).status, 403);
  await left.getByRole("button", { name: "Done" }).click();
  await isGone(left);
  await focusOn(block(page).getByRole("heading"));
  assert.equal(await row(page, someone).count(), 0);
});

/** @param {Page} page */
async function leave(page) {
  await page.getByRole("button", { name: "Your access" }).click();
  await page.getByRole("menuitem", { name: "Leave this account" }).click();
  await page.getByRole("alertdialog").waitFor();
}

test("a member leaves by itself, and is out everywhere", async (t) => {
  const { page, someone } = await admin(t);
  await invite(page, someone);
  const theirs = await newPage(browser, desk, { t, allow: [/^GET \/api\/\S+ 401$/] });
  await logIn(theirs, desk, someone);
  const other = await newTab(theirs);
  await other.goto(desk.url);
  await atConsole(other);
  await theirs.bringToFront();
  await leave(theirs);
  await says(theirs.getByRole("alertdialog"), "You are logged out at once, everywhere");
  await theirs.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await focusOn(theirs.getByRole("button", { name: "Your access" }));
  await leave(theirs);
  await confirm(theirs, "Leave");
  await atLogin(theirs);
  await says(theirs, "You have left the account.");
  await atLogin(other);
  await comeBack(page);
  await isGone(row(page, someone));
});

test("the last admin does not leave, and is told what to do", async (t) => {
  const { page, email } = await admin(t);
  allow(page, "DELETE /api/team/me 409");
  await leave(page);
  await confirm(page, "Leave");
  await says(page.getByRole("alertdialog"), "Make somebody one first.");
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await row(page, email).waitFor();
});

test("an admin leaves where another one stays, from the own row, too", async (t) => {
  const { page, email, someone } = await admin(t);
  const { api } = await joined(page, someone, "admin");
  await page.getByRole("button", { name: `Revoke access of ${email}` }).click();
  await page.getByRole("alertdialog", { name: /^Leave Account \d+\?$/ }).waitFor();
  await confirm(page, "Leave");
  await says(page, "You have left the account.");
  const { members } = (await api("GET", "/api/team")).body;
  assert.deepEqual(
    members.map((/** @type {{ email: string }} */ member) => member.email),
    [someone],
  );
});

/** Fills the dialog's field, and sends it. @param {Page} page @param {string} text */
async function send(page, text) {
  await dialog(page).getByLabel("E-mail").fill(text);
  await dialog(page).getByRole("button", { name: "Send invitation" }).click();
}

/** What became of an address. @param {Page} page @param {string} email */
const outcome = (page, email) => dialog(page).getByRole("listitem").filter({ hasText: email });

/** Some that nobody has. @param {string} someone */
const others = (someone) => ["x", "y", "z"].map((letter) => `${letter}.${someone}`);

test("several addresses are invited at once, however they are pasted", async (t) => {
  const { page, email, someone } = await admin(t);
  const [x = "", y = "", z = ""] = others(someone);
  await page.getByRole("button", { name: "Add member" }).click();
  await dialog(page).getByLabel("Role").selectOption("Admin");
  await send(page, ` ${x}, ${y};\n${x.toUpperCase()} ${z},`);
  await says(page, "3 people are invited. Mails with the link are on their way.");
  await isGone(dialog(page));
  await says(block(page), "4 / 5");
  for (const one of [x, y, z]) {
    await says(row(page, one), "Admin");
    await says(row(page, one), "Invited by you");
    await desk.invitationFor(one);
  }
  assert.equal(await row(page, email).getByText("Invited by").count(), 0);
});

test("each of several has its own outcome, and who is left stays in the field", async (t) => {
  const { page, email, someone } = await admin(t);
  const [x = "", y = ""] = others(someone);
  allow(page, "POST /api/team 409");
  await page.getByRole("button", { name: "Add member" }).click();
  await send(page, `${x} ${email} ${y}`);
  await says(dialog(page).getByRole("alert"), "Not invited: 1 of 3. What was not sent stays here.");
  await says(outcome(page, x), "Invited.");
  await says(outcome(page, email), "This e-mail address belongs to a member already.");
  await says(outcome(page, y), "Invited.");
  const field = dialog(page).getByLabel("E-mail");
  assert.equal(await field.inputValue(), email);
  await focusOn(field);
  await field.fill("");
  assert.equal(await dialog(page).getByRole("listitem").count(), 0);
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await says(block(page), "3 / 5");
});

test("what stands against all of several ends it, and the rest is not sent", async (t) => {
  const { page, someone } = await admin(t, { member_limit: 2 });
  const [x = "", y = "", z = ""] = others(someone);
  allow(page, "POST /api/team 409");
  await page.getByRole("button", { name: "Add member" }).click();
  await send(page, `${x}, ${y}, ${z}`);
  await says(outcome(page, x), "Invited.");
  await says(outcome(page, y), "The account has as many members as it may.");
  await says(outcome(page, z), "Not sent.");
  assert.equal(await dialog(page).getByLabel("E-mail").inputValue(), `${y}, ${z}`);
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await says(block(page), "2 / 2");
});

test("a lost answer among several leaves the rest, to be sent again", async (t) => {
  const { page, someone } = await admin(t);
  const [x = "", y = "", z = ""] = others(someone);
  allow(page, "POST /api/team failed");
  await page.route("**/api/team", (route) => {
    const lost = route.request().postData()?.includes(y);
    return lost ? route.abort("connectionreset") : route.fallback();
  });
  await page.getByRole("button", { name: "Add member" }).click();
  await send(page, `${x}, ${y}, ${z}`);
  await says(outcome(page, y), "No answer came back.");
  await says(outcome(page, z), "Not sent.");
  await page.unroute("**/api/team");
  await dialog(page).getByRole("button", { name: "Send invitation" }).click();
  await says(page, "2 people are invited.");
  for (const one of [x, y, z]) await row(page, one).waitFor();
});

test("one of several that is no address is named, and nothing is sent", async (t) => {
  const { page, someone } = await admin(t);
  const sent = requests(page, "POST");
  await page.getByRole("button", { name: "Add member" }).click();
  await send(page, `${someone}, nobody@example`);
  await says(
    dialog(page).getByRole("alert"),
    "nobody@example: What follows the @ is no domain, such as example.com.",
  );
  assert.equal(sent.length, 0);
});

test("who invited somebody is in the list, until they are gone", async (t) => {
  const { page, someone } = await admin(t);
  const { id, api } = await joined(page, someone, "admin");
  const guest = `guest.${someone}`;
  assert.equal((await api("POST", "/api/team", { email: guest })).status, 201);
  await readAnew(page);
  await says(row(page, guest), `Invited by ${someone}`);
  await page.request.delete(`/api/team/${id}`, { headers: { origin: desk.url } });
  await comeBack(page);
  await isGone(row(page, guest).getByText("Invited by"));
});
