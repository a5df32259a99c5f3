//! SES, when it fails.

use crate::batch::{batch_for, without_workers};
use crate::failures::inside::{Inside, Says};
use crate::failures::{ALWAYS, HALVES, Tried};
use crate::proxy::{Fault, Half, Proxy};
use crate::support::{ADMIN, World};
use desk::inside::Service;
use serde_json::{Value, json};

/// The first record of a batch, and what follows it, is delivered again.
fn again() -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": "0" }] })
}

fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}

async fn statuses(world: &World) -> Vec<String> {
    let rows = world.rows_of("mail").await;
    rows.iter().map(|row| row["status"].as_s().expect("a text").clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn never_answers_and_the_mail_comes_again_before_the_function_ends() {
    let _tried = Tried;
    let aws = Inside::with_account(ADMIN).await;
    let deliver = aws.asked_for_a_code(ADMIN).await;
    aws.fail(Service::Ses, Says::Nothing);
    assert_eq!(aws.in_its_time("deliver-mail", &deliver).await.expect("an answer"), again());
    assert_eq!(aws.take_sent(Service::Ses), ["SendEmail"; 3], "tried as often as all else");
    aws.heal();
    assert_eq!(aws.in_its_time("deliver-mail", &deliver).await.expect("an answer"), all_done());
    assert_eq!(aws.take_sent(Service::Ses), ["SendEmail"]);
    assert_eq!(aws.in_its_time("deliver-mail", &deliver).await.expect("an answer"), all_done());
    assert_eq!(aws.take_sent(Service::Ses), [""; 0], "it is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_5xx_and_the_mail_comes_again_and_is_sent_once() {
    let _tried = Tried;
    let world = without_workers().await;
    let batch = batch_for(&world, &[ADMIN]).await;
    for fault in [Fault::ServerError, Fault::NoBody] {
        let proxy = Proxy::before(&world, Service::Ses).await;
        proxy.fail("*", ALWAYS, fault);
        let deliver = proxy.function(&world, "deliver-mail");
        let answer = world.changes_nothing(deliver.invoke(&batch)).await;
        assert_eq!(answer.expect("an answer"), again(), "{fault:?}");
    }
    let proxy = Proxy::before(&world, Service::Ses).await;
    proxy.fail("*", 2, Fault::NoBody);
    let answer = proxy.function(&world, "deliver-mail").invoke(&batch).await;
    assert_eq!(answer.expect("an answer"), all_done());
    assert_eq!(
        (world.mailed("login_code"), statuses(&world).await),
        (vec![ADMIN.to_owned()], vec!["done".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_the_mail_is_sent_again_and_not_given_up() {
    let _tried = Tried;
    let world = without_workers().await;
    for half in HALVES {
        // Not more codes than an address may ask for.
        world.advance(3700);
        world.desk.inbox().clear().expect("kept nowhere");
        let batch = batch_for(&world, &[ADMIN]).await;
        let proxy = Proxy::before(&world, Service::Ses).await;
        let deliver = proxy.function(&world, "deliver-mail");
        proxy.fail("*", ALWAYS, half);
        // Half of the text has the mail's id in it, and that is all that is looked for.
        let is_told = half == Fault::Half(Half::Short);
        let answer = if is_told { all_done() } else { again() };
        assert_eq!(deliver.invoke(&batch).await.expect("an answer"), answer, "{half:?}");
        proxy.heal();
        let sent = world.mailed("login_code").len();
        // It was taken each time that the SDK tried, and nobody could know.
        assert!((1..=3).contains(&sent), "{half:?}: {sent}");
        for _ in 0..2 {
            assert_eq!(deliver.invoke(&batch).await.expect("an answer"), all_done(), "{half:?}");
            let once_more = usize::from(!is_told);
            assert_eq!(world.mailed("login_code").len(), sent + once_more, "{half:?}");
        }
    }
    assert!(statuses(&world).await.iter().all(|status| status == "done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn has_taken_a_mail_and_the_process_dies_and_the_mail_is_sent_once_more() {
    let _tried = Tried;
    let world = without_workers().await;
    let batch = batch_for(&world, &[ADMIN]).await;
    let proxy = Proxy::before(&world, Service::Ses).await;
    let deliver = proxy.function(&world, "deliver-mail");
    assert!(proxy.dies_at("*", 0, deliver.invoke(&batch)).await.is_none(), "it sends a mail");
    assert_eq!(statuses(&world).await, ["pending"]);
    for _ in 0..2 {
        assert_eq!(deliver.invoke(&batch).await.expect("an answer"), all_done());
        assert_eq!(world.mailed("login_code"), [ADMIN; 2]);
    }
}
