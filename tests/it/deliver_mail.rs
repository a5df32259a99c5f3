//! Login codes and invitations, from the outbox rows to the mail service.

use crate::batch::{batch_for, without_workers};
use crate::logs::Log;
use crate::proxy::{Behind, Fault, Proxy};
use crate::support::{ADMIN, World};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::{Mail, MailServiceMode};
use edge::lambda::RECORDS_AT_ONCE;
use edge::telemetry::Metric;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn status(row: &BTreeMap<String, AttributeValue>) -> &str {
    row["status"].as_s().expect("a text")
}

fn the_mail(world: &World, kind: &str) -> Mail {
    let mut mails = world.desk.inbox().mails();
    mails.retain(|mail| mail.kind == kind);
    assert_eq!(mails.len(), 1, "one mail of this kind");
    mails.remove(0)
}

/// Lets time pass in small steps, in each of which what is due is done.
async fn pass(world: &World, seconds: u64) {
    for _ in 0..seconds.div_ceil(5) {
        world.advance(5);
        world.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_mail_has_the_code_on_a_line_of_its_own_and_one_link() {
    let world = World::new().await;
    let (_, code) = world.challenge(ADMIN).await;
    let mail = the_mail(&world, "login_code");
    assert_eq!(
        (mail.to.as_str(), mail.from.as_str(), mail.subject.as_str()),
        (ADMIN, "desk@example.com", "Your Heify login code")
    );
    assert_eq!(mail.text.lines().filter(|line| *line == code).count(), 1);
    let link = format!("{}/", world.desk.url());
    assert_eq!(
        (mail.text.matches("://").count(), mail.text.lines().filter(|line| *line == link).count()),
        (1, 1)
    );
    assert!(mail.html.contains(&format!(">{code}<")));
    assert_eq!(
        (
            mail.html.matches("href=").count(),
            mail.html.matches(&format!("href=\"{link}\"")).count()
        ),
        (1, 1)
    );
    assert!(
        !mail.html.contains("<img")
            && !mail.html.contains("<script")
            && !mail.html.contains("src="),
        "nothing is loaded"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_says_whose_account_it_is_and_has_one_link_and_no_code() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    let mail = the_mail(&world, "invitation");
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str(), mail.code),
        ("new@example.com", "You are invited to Heify", None)
    );
    let start = format!("{}/#invitation=inv_", world.desk.url());
    let link = mail.text.lines().find(|line| line.starts_with(&start)).expect("the link");
    assert!(mail.text.contains("Example Company") && mail.html.contains("Example Company"));
    assert_eq!(
        (mail.text.matches("://").count(), mail.html.matches(&format!("{link}<")).count()),
        (1, 1)
    );
    assert_eq!(
        (
            mail.html.matches("href=").count(),
            mail.html.matches(&format!("href=\"{link}\"")).count()
        ),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_for_an_address_that_nobody_has_is_dropped() {
    let world = World::new().await;
    world.request_code("nobody@example.net").await.ok(202);
    world.settle().await;
    assert!(world.desk.inbox().mails().is_empty() && world.desk.failures().is_empty());
    assert_eq!(world.rows_of("mail").await.iter().map(status).collect::<Vec<_>>(), ["done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_delivered_again_sends_no_second_mail() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    let rows = world.rows_of("mail").await;
    assert_eq!(rows.iter().map(status).collect::<Vec<_>>(), ["done", "done"]);
    for row in &rows {
        let again =
            world.deliver("deliver-mail", row["pk"].as_s().unwrap(), row["sk"].as_s().unwrap());
        assert_eq!(world.changes_nothing(again).await, json!({ "batchItemFailures": [] }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_mailed_as_soon_as_the_mail_service_is_back() {
    let world = World::new().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    let challenge =
        world.request_code(ADMIN).await.ok(202)["challenge"].as_str().unwrap().to_owned();
    world.settle().await;
    assert_eq!(world.rows_of("mail").await.iter().map(status).collect::<Vec<_>>(), ["pending"]);
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    pass(&world, 10).await;
    let code = the_mail(&world, "login_code").code.expect("a code");
    world.verify(&challenge, &code).await.ok(200);
    assert!(world.desk.failures().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_tried_again_as_long_as_it_is_good() {
    let world = World::new().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    let challenge =
        world.request_code(ADMIN).await.ok(202)["challenge"].as_str().unwrap().to_owned();
    world.settle().await;
    pass(&world, 125).await;
    assert!(world.desk.inbox().mails().is_empty());
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    pass(&world, 35).await;
    let code = the_mail(&world, "login_code").code.expect("a code");
    world.verify(&challenge, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_could_not_be_mailed_while_it_was_good_is_given_up_visibly() {
    let world = World::new().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    world.request_code(ADMIN).await.ok(202);
    world.settle().await;
    pass(&world, 225).await;
    assert_eq!(world.rows_of("mail").await.iter().map(status).collect::<Vec<_>>(), ["failed"]);
    assert!(
        world.desk.failures().is_empty(),
        "its end is on record, so the stream has nothing to give up"
    );
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    pass(&world, 60).await;
    assert!(
        world.desk.inbox().mails().is_empty(),
        "a code that is not good any more is not mailed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_setting_keeps_back_is_mailed_once_it_is_put_right() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Denying);
    let challenge =
        world.request_code(ADMIN).await.ok(202)["challenge"].as_str().unwrap().to_owned();
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    world.desk.inbox().clear().expect("kept nowhere");
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    pass(&world, 35).await;
    let code = the_mail(&world, "login_code").code.expect("a code");
    world.verify(&challenge, &code).await.ok(200);
    assert_eq!(world.mailed("invitation"), ["new@example.com"]);
    assert_eq!(admin.get("/api/team").await.ok(200)["members"][1]["mail_problem"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_behind_one_that_fails_are_sent_all_the_same() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    admin.post("/api/team", json!({ "email": "first@example.com" })).await.ok(201);
    world.settle().await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    admin.post("/api/team", json!({ "email": "second@example.com" })).await.ok(201);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["second@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_invitation_shows_in_the_member_list_and_the_member_can_still_log_in() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    let invited = admin.post("/api/team", json!({ "email": "new@example.com" })).await;
    assert_eq!(invited.ok(201)["member"]["status"], "invited");
    world.settle().await;
    let of_new = async || {
        let team = admin.get("/api/team").await;
        let new = &team.ok(200)["members"][1];
        (new["status"].clone(), new["mail_problem"].clone())
    };
    assert_eq!(of_new().await, (json!("invited"), json!("failed")));
    assert!(world.desk.failures().is_empty(), "nothing is left to be tried again");
    let invitation = world
        .rows_of("mail")
        .await
        .into_iter()
        .find(|row| row["mail"].as_s().unwrap() == "invitation")
        .unwrap();
    assert_eq!(status(&invitation), "failed");
    assert!(!invitation.contains_key("duty"));

    world.desk.mail_service().set_mode(MailServiceMode::Up);
    world.login("new@example.com").await.get("/api/session").await.ok(200);
    assert_eq!(of_new().await, (json!("active"), json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_invitation_failed_can_be_revoked_and_invited_again() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    let invited = admin.post("/api/team", json!({ "email": "new@example.com" })).await;
    world.settle().await;
    admin
        .delete(&format!("/api/team/{}", invited.ok(201)["member"]["id"].as_str().unwrap()))
        .await
        .ok(204);
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["new@example.com"]);
    assert_eq!(admin.get("/api/team").await.ok(200)["members"][1]["status"], "invited");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_fails_late_does_not_show_on_a_member_who_is_active() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.member(&admin, "new@example.com").await;
    let invitation = world
        .rows_of("mail")
        .await
        .into_iter()
        .find(|row| row["mail"].as_s().unwrap() == "invitation")
        .unwrap();
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    // As if it had not been delivered until now.
    let (pk, sk) = (invitation["pk"].as_s().unwrap(), invitation["sk"].as_s().unwrap());
    world.set_attributes(pk, sk, &[("status", AttributeValue::S("pending".into()))]).await;
    world.settle().await;
    assert_eq!(status(&world.row(pk, sk).await), "done");
    assert_eq!(admin.get("/api/team").await.ok(200)["members"][1]["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_revoked_before_the_mail_leaves_gets_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    world.desk.inbox().clear().expect("they are forgotten");
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    let invited = admin.post("/api/team", json!({ "email": "new@example.com" })).await;
    world.request_code("member@example.com").await.ok(202);
    world.settle().await;
    for id in [invited.ok(201)["member"]["id"].as_str().unwrap(), &member.id] {
        admin.delete(&format!("/api/team/{id}")).await.ok(204);
    }
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    pass(&world, 40).await;
    assert!(world.desk.inbox().mails().is_empty());
    assert!(world.rows_of("mail").await.iter().all(|row| status(row) == "done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_is_mailed_nothing() {
    let world = World::new().await;
    world.suspend(&world.account_of(ADMIN).await).await;
    world.request_code(ADMIN).await.ok(202);
    world.settle().await;
    assert!(world.desk.inbox().mails().is_empty());
    assert_eq!(world.rows_of("mail").await.iter().map(status).collect::<Vec<_>>(), ["done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_meets_a_suspension_is_mailed_once_the_account_is_resumed() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    world.suspend(&admin.account).await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    // Longer than any duty is tried for, and as long as an invitation is open.
    for _ in 0..6 {
        pass(&world, 40).await;
        world.advance(24 * 3600);
        world.settle().await;
    }
    assert!(world.mailed("invitation").is_empty());
    world.resume(&admin.account).await;
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["new@example.com"]);
    let admin = world.admin().await;
    assert_eq!(admin.get("/api/team").await.ok(200)["members"][1]["status"], "invited");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_name_cannot_write_markup_or_headers_into_a_mail() {
    let world = World::new().await;
    let name = "<b>\"Evil\"</b> & 'Sons' Bcc: x@example.net";
    let account = world.account_of(ADMIN).await;
    world.change(&account, json!({ "act": "rename", "name": name })).await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    let mail = the_mail(&world, "invitation");
    assert!(mail.text.contains(name), "plain text is plain text");
    assert!(
        mail.html.contains(
            "&#60;b&#62;&#34;Evil&#34;&#60;/b&#62; &#38; &#39;Sons&#39; Bcc: x@example.net"
        ) && !mail.html.contains("<b>")
    );
    assert_eq!(
        (mail.subject.as_str(), mail.to.as_str()),
        ("You are invited to Heify", "new@example.com")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_line_break_is_never_mailed_to() {
    let world = World::new().await;
    let admin = world.admin().await;
    for address in [
        "new@example.com\r\nBcc: x@example.net",
        "new\n@example.com",
        "new@example.com, x@example.net",
        "<new@example.com>",
    ] {
        world
            .changes_nothing(admin.post("/api/team", json!({ "email": address })))
            .await
            .problem(400, "invalid_email");
        world.changes_nothing(world.request_code(address)).await.problem(400, "invalid_email");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_the_address_as_it_is_stored() {
    let world = World::new().await;
    world.request_code("Admin@EXAMPLE.com").await.ok(202);
    world.settle().await;
    assert_eq!(world.mailed("login_code"), [ADMIN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_code_lies_in_a_row_or_in_what_the_stream_gave_up() {
    let world = World::new().await;
    let (_, mailed) = world.challenge(ADMIN).await;
    // Derived anew, so that the code of a mail that never left is known too.
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    world.request_code(ADMIN).await.ok(202);
    world.settle().await;
    let app = world.app("deliver-mail");
    let ring = app.keyrings.login().await.expect("a keyring");
    let ask = &world.newest_asks().await[0];
    let address = ADMIN.parse::<domain::EmailAddress>().expect("an address").hash();
    let stuck =
        domain::login::LoginCode::derive(&ring, &ask.keyring_version, &address, &ask.challenge)
            .expect("a code");
    // Too old before anything was due again: the stream gives the record up.
    world.advance(300);
    world.settle().await;
    assert_eq!(world.desk.failures().len(), 1);
    // Six digits may stand in a longer number by chance: they are looked for as a word.
    let seen = format!("{:?} {:?}", world.rows().await, world.desk.failures());
    let words: Vec<&str> = seen.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    assert!(!words.contains(&mailed.as_str()) && !words.contains(&stuck.secret().expose()));
}

fn failed_from(place: usize) -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": place.to_string() }] })
}

fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_due_does_not_stand_behind_those_for_addresses_that_nobody_has() {
    let template = crate::tidy::template();
    let event = &template["Resources"]["DeliverMail"]["Properties"]["Events"]["Committed"];
    let most = event["Properties"]["BatchSize"].as_u64().expect("a number") as usize;
    assert_eq!(most, RECORDS_AT_ONCE);
    let world = without_workers().await;
    let strangers: Vec<String> = (1..most).map(|n| format!("nobody{n}@example.net")).collect();
    let addresses: Vec<&str> = strangers.iter().map(String::as_str).chain([ADMIN]).collect();
    let batch = batch_for(&world, &addresses).await;

    let proxy = Proxy::new(&world).await;
    let deliver = proxy.function(&world, "deliver-mail");
    let reads = vec!["GetItem"; most];
    // The rows; whose the addresses are; what is nobody's is finished, and the member looked up.
    let mut ends = vec!["UpdateItem"; most - 1];
    ends.splice(..0, ["GetItem"; 2]);
    let (answer, sent) = proxy.record(&[&reads, &reads, &ends], deliver.invoke(&batch)).await;
    assert_eq!(answer.expect("an answer"), all_done());
    assert_eq!(sent.waves()[..3], [reads.clone(), reads, ends]);
    assert_eq!(world.mailed("login_code"), [ADMIN]);
    assert!(world.rows_of("mail").await.iter().all(|row| status(row) == "done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_behind_one_that_comes_again_wait_for_it_and_those_before_it_are_not_sent_again() {
    let world = without_workers().await;
    let others = ["grace@example.com", "linus@example.com"];
    for admin in others {
        let account = json!({ "name": "Other Company", "admin_email": admin });
        let register = Behind::new(&world, "register-account", &[]);
        register.invoke(&account).await.expect("the account is registered");
    }
    let batch = batch_for(&world, &[ADMIN, others[0], "nobody@example.net", others[1]]).await;

    let proxy = Proxy::new(&world).await;
    let deliver = proxy.function(&world, "deliver-mail");
    deliver.invoke(&json!({ "Records": [batch["Records"][2]] })).await.expect("an answer");
    // The first mail's end is noted, and the second's is not: it may have been sent.
    proxy.spare("UpdateItem", 1);
    proxy.fail("UpdateItem", usize::MAX, Fault::ServerError);
    assert_eq!(deliver.invoke(&batch).await.expect("an answer"), failed_from(1));
    assert_eq!(world.mailed("login_code"), [ADMIN, others[0]]);

    proxy.heal();
    assert_eq!(deliver.invoke(&batch).await.expect("an answer"), all_done());
    assert_eq!(world.mailed("login_code"), [ADMIN, others[0], others[0], others[1]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_records_of_one_mail_in_a_batch_send_it_once() {
    let world = without_workers().await;
    let proxy = Proxy::new(&world).await;
    let deliver = proxy.function(&world, "deliver-mail");
    for times in 1..=4 {
        world.advance(3 * 3600);
        // As when the schedule had the row delivered once more, and again.
        let batch = batch_for(&world, &[ADMIN]).await;
        let records = vec![&batch["Records"][0]; RECORDS_AT_ONCE];
        // All of them see it pending; then two look-ups are slow, so that they are at their end
        // only when the first has sent it.
        proxy.spare("GetItem", RECORDS_AT_ONCE + 1);
        proxy.fail("GetItem", 2, Fault::Throttled);
        let answer = deliver.invoke(&json!({ "Records": records })).await;
        assert_eq!(answer.expect("an answer"), all_done());
        proxy.heal();
        assert_eq!(world.mailed("login_code").len(), times);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_come_before_the_invitation_could_be_mailed_gets_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    let id = admin.post("/api/team", json!({ "email": "new@example.com" })).await;
    let id = id.ok(201)["member"]["id"].as_str().expect("an id").to_owned();
    world.settle().await;
    let active = [("status", AttributeValue::S("active".to_owned()))];
    let row = (format!("ACCT#{}", admin.account), format!("MEMBER#{id}"));
    world.set_attributes(&row.0, &row.1, &active).await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    pass(&world, 300).await;
    assert_eq!(world.mailed("invitation"), Vec::<String>::new());
}

#[tokio::test]
async fn an_outbox_row_that_cannot_be_read_is_told_and_holds_up_neither_worker() {
    let world = World::new().await;
    let admin = world.admin().await;
    let log = Log::of(&world);
    let partition = format!("ACCT#{}", admin.account);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let newer = [
        // A mail that a later version made, before it was taken back; a row of which half is there.
        ("MAIL#newer", "mail", "deliver-mail", Metric::MailFailed),
        ("EVENT#half", "login_event", "provision-sandbox", Metric::DutyUnreadable),
    ];
    for (sk, kind, ..) in newer {
        let row = [("type", text(kind)), ("mail", text("digest")), ("status", text("pending"))];
        world.set_attributes(&partition, sk, &row).await;
    }
    admin.post("/api/team", json!({ "email": "grace@example.com" })).await.ok(201);
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["grace@example.com"]);
    assert!(world.rows_of("provision_request").await.iter().all(|row| status(row) == "done"));
    assert_eq!(world.desk.failures(), Vec::<Value>::new());
    for (sk, _, worker, metric) in newer {
        let causes = log.causes(metric);
        assert_eq!(causes.len(), 1, "{worker}");
        assert!(causes[0].as_str().is_some_and(|cause| cause.contains("cannot be read")));
        let line = (Some(admin.account.clone()), "unreadable".to_owned());
        assert!(log.of_function(worker).contains(&line), "{worker}");
        assert_eq!(status(&world.row(&partition, sk).await), "pending", "{worker}");
    }
}

#[tokio::test]
async fn a_row_behind_an_outbox_row_that_cannot_be_read_is_told_and_holds_up_neither_worker() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    other.post("/api/team", json!({ "email": "late@example.com" })).await.ok(201);
    world.settle().await;
    let log = Log::of(&world);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let partition = format!("ACCT#{}", other.account);
    let address = "other@example.com".parse::<domain::EmailAddress>().expect("an address").hash();
    // What nobody can read: the account of an invitation and of a login event, the owner of an
    // address.
    world.set_attributes(&partition, "ACCOUNT", &[("suspended", text("perhaps"))]).await;
    world
        .set_attributes(&format!("ADDR#{address}"), "OWNER", &[("account_id", text("nobody's"))])
        .await;
    let rows = world.rows().await;
    for (pk, sk) in rows.keys().filter(|(pk, _)| *pk == partition) {
        if sk.starts_with("EVENT#") {
            world.make_pending(pk, "login_event", &[sk]).await;
        } else if sk.starts_with("MAIL#") {
            world.make_pending(pk, "mail", &[sk]).await;
        }
    }
    world.request_code("other@example.com").await;
    admin.post("/api/team", json!({ "email": "grace@example.com" })).await.ok(201);
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    assert_eq!(world.desk.failures(), Vec::<Value>::new());
    assert_eq!(world.mailed("invitation"), ["late@example.com", "grace@example.com"]);
    assert!(world.rows_of("provision_request").await.iter().all(|row| status(row) == "done"));
    assert_eq!(log.causes(Metric::MailFailed).len(), 2, "an invitation and a code");
    assert_eq!(log.causes(Metric::DutyUnreadable).len(), 1, "a login event");
    for worker in ["deliver-mail", "provision-sandbox"] {
        let line = (Some(other.account.clone()), "unreadable".to_owned());
        assert!(log.of_function(worker).contains(&line), "{worker}");
    }
}

#[tokio::test]
async fn a_damaged_count_of_an_addresss_invitations_is_told_and_holds_up_no_other_mail() {
    let world = World::new().await;
    let admin = world.admin().await;
    let log = Log::of(&world);
    let address = "late@example.com".parse::<domain::EmailAddress>().expect("an address").hash();
    let mails = [("mails", AttributeValue::S("one".to_owned()))];
    let day = world.now().to_string()[..10].to_owned();
    world.set_attributes(&format!("ADDR#{address}"), &format!("INVITATIONS#{day}"), &mails).await;
    for email in ["late@example.com", "grace@example.com"] {
        admin.post("/api/team", json!({ "email": email })).await.ok(201);
    }
    world.settle().await;
    assert_eq!(world.desk.failures(), Vec::<Value>::new());
    assert_eq!(world.mailed("invitation"), ["grace@example.com"]);
    assert_eq!(log.causes(Metric::MailFailed).len(), 1);
    let line = (Some(admin.account.clone()), "unreadable".to_owned());
    assert!(log.of_function("deliver-mail").contains(&line));
}

/// Whoever may put warnings may put rows that say that they are something else.
#[tokio::test]
async fn what_lies_among_warnings_and_is_none_is_mailed_to_nobody() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": "grace@example.com" })).await.ok(201);
    world.settle().await;
    let log = Log::of(&world);
    let mails = world.rows_of("mail").await;
    let invitation = mails.iter().find(|row| row.contains_key("member_id")).expect("a mail");
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut row = invitation.clone();
    row.retain(|name, _| !["pk", "sk"].contains(&name.as_str()));
    row.insert("to".to_owned(), text("stranger@example.com"));
    row.insert("status".to_owned(), text("pending"));
    let row: Vec<_> = row.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let partition = format!("USAGE#{}", admin.account);
    world.set_attributes(&partition, "WARNING#2026-11#1#80", &row).await;
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["grace@example.com"]);
    assert_eq!(log.causes(Metric::MailFailed).len(), 1);
    assert_eq!(world.desk.failures(), Vec::<Value>::new());
}
