//! The workers at work: what a commit leaves them to do is done, whatever comes first, twice or
//! never, and whoever dies meanwhile.

use super::{MAILS, NONE, SANDBOX, play};
use crate::choices::Independence;
use crate::explore::{Case, WORKERS_FAULTS};
use crate::judge::holds;
use crate::scene::{
    ADMIN, Key, Person, Scene, decline, delete_key, invite, operate, resend, retry_sandbox,
    revoke_member, suspend, sweep, test_sandbox, until,
};
use crate::schedule::{Ended, Faults};
use crate::stream::Delivery;
use crate::wire::Fate;
use futures::FutureExt;
use jiff::SignedDuration;
use serde_json::json;

const PROVISION: &str = "provision-sandbox";
pub const DELIVER: &str = "deliver-mail";
pub const INVITED: &str = "invited@example.com";
const ALSO_INVITED: &str = "also-invited@example.com";

pub const ANY_TWO: Faults = Faults { fates: WORKERS_FAULTS, most: 2 };

/// An account whose admin has logged in, and whose Sandbox is still to be made.
async fn logged_in() -> (Scene, Person) {
    let mut scene = Scene::with_workers();
    let admin = scene.account(3, 3).await;
    scene.settle_but(&[PROVISION]).await;
    (scene, admin)
}

/// The same with another login.
async fn logged_in_twice() -> Scene {
    let (mut scene, _) = logged_in().await;
    scene.login(ADMIN).await;
    scene.settle_but(&[PROVISION]).await;
    scene
}

/// One with a Sandbox that is ready.
pub async fn ready() -> (Scene, Person, Key) {
    let mut scene = Scene::with_workers();
    let admin = scene.account(3, 3).await;
    scene.settle().await;
    let key = scene.sandbox_key();
    (scene, admin, key)
}

/// One whose Sandbox key the product API has rejected, and somebody has asked for another try.
async fn retried() -> (Scene, Person, Key) {
    let mut scene = Scene::with_workers();
    scene.product_api_says(403);
    let admin = scene.account(3, 3).await;
    scene.settle().await;
    let key = scene.sandbox_key();
    scene.product_api_says(200);
    scene.done(&retry_sandbox(&admin)).await;
    scene.settle_but(&[PROVISION]).await;
    (scene, admin, key)
}

/// One that has invited somebody whom no mail has reached: who that is, and the invitation's link.
async fn invited() -> (Scene, Person, String, String) {
    let (mut scene, admin, _) = ready().await;
    let (member, link) = scene.invited(&admin, INVITED).await;
    scene.settle_but(&[DELIVER]).await;
    (scene, admin, member, link)
}

pub const LOGIN: Case = Case {
    name: "a login's Sandbox, with a fault",
    holds: SANDBOX,
    play: |_| {
        async {
            let (scene, _) = logged_in().await;
            play(vec![], scene)
        }
        .boxed()
    },
    independence: Independence::OnceBegun,
    faults: Faults { fates: WORKERS_FAULTS, most: 1 },
    judge: |_| Ok(()),
    sometimes: &[
        "Sandbox: ready",
        "Sandbox: not_configured key_rejected",
        "Sandbox: not_configured api_error",
        "Sandbox: not_configured api_timeout",
        "provision-sandbox: Again",
        "provision-sandbox: Killed",
        "provision-sandbox: NeverCame",
    ],
};

pub const LOGIN_IN_TROUBLE: Case = Case {
    name: "a login's Sandbox, with two faults",
    faults: ANY_TWO,
    sometimes: &["Sandbox: ready"],
    ..LOGIN
};

pub const LOGIN_WITHOUT_KEYRING: Case = Case {
    name: "a login's Sandbox, while no keyring comes",
    faults: Faults { fates: &[Fate::NoKeyring, Fate::Throttled], most: 2 },
    sometimes: &["Sandbox: ready", "provision-sandbox: Again"],
    ..LOGIN
};

pub const TWICE: Case = Case {
    name: "a login's event comes twice",
    faults: Faults { fates: &[Fate::Twice], most: 1 },
    sometimes: &["Sandbox: ready"],
    ..LOGIN
};

pub const TWO_LOGINS: Case = Case {
    name: "two logins' Sandbox",
    play: |_| {
        async {
            let scene = logged_in_twice().await;
            play(vec![], scene)
        }
        .boxed()
    },
    faults: NONE,
    sometimes: &["Sandbox: ready"],
    ..LOGIN
};

pub const TWO_LOGINS_IN_TROUBLE: Case =
    Case { name: "two logins' Sandbox, with two faults", faults: ANY_TWO, ..TWO_LOGINS };

pub const LOGINS_IN_ONE_BATCH: Case = Case {
    name: "two logins' Sandbox in one batch, with a fault",
    play: |_| {
        async {
            let mut scene = logged_in_twice().await;
            scene.in_one_batch();
            play(vec![], scene)
        }
        .boxed()
    },
    sometimes: &[
        "Sandbox: ready",
        "provision-sandbox: Again",
        "provision-sandbox: Killed",
        "provision-sandbox: brought the rest",
    ],
    ..LOGIN
};

pub const LOGIN_DELETE: Case = Case {
    name: "a login's Sandbox x its key is deleted",
    play: |_| {
        async {
            let (mut scene, admin, key) = ready().await;
            scene.login(ADMIN).await;
            scene.settle_but(&[PROVISION]).await;
            play(vec![vec![delete_key(&admin, &key)]], scene)
        }
        .boxed()
    },
    faults: NONE,
    sometimes: &["Sandbox: ready", "Sandbox: not_configured key_deleted"],
    ..LOGIN
};

/// The key is made, judged and deleted while another delivery of the same event is under way.
pub const TWICE_DELETE: Case = Case {
    name: "a login's event comes twice x its key is deleted",
    play: |_| {
        async {
            let key = logged_in().await.0.key_to_be_made().await;
            let (scene, admin) = logged_in().await;
            play(vec![vec![delete_key(&admin, &key)]], scene)
        }
        .boxed()
    },
    sometimes: &["Sandbox: not_configured key_deleted", "delete-key: 204"],
    ..TWICE
};

pub const RETRY_DELETE: Case = Case {
    name: "a retry's Sandbox x its key is deleted",
    play: |_| {
        async {
            let (scene, admin, key) = retried().await;
            play(vec![vec![delete_key(&admin, &key)]], scene)
        }
        .boxed()
    },
    ..LOGIN_DELETE
};

/// What the test asked about may be another key than there is when it has its answer.
pub const RETRY_TEST: Case = Case {
    name: "a retry's Sandbox x a test",
    play: |_| {
        async {
            let (scene, admin, _) = retried().await;
            play(vec![vec![test_sandbox(&admin)]], scene)
        }
        .boxed()
    },
    faults: NONE,
    sometimes: &["Sandbox: ready", "test-sandbox: 200"],
    ..LOGIN
};

pub const TEST_DELETE: Case = Case {
    name: "a test x its key is deleted",
    play: |_| {
        async {
            let (scene, admin, key) = ready().await;
            play(vec![vec![test_sandbox(&admin)], vec![delete_key(&admin, &key)]], scene)
        }
        .boxed()
    },
    sometimes: &["Sandbox: not_configured key_deleted", "test-sandbox: 200"],
    ..RETRY_TEST
};

pub const RETRY_RETRY: Case = Case {
    name: "a retry's Sandbox x another retry",
    play: |_| {
        async {
            let (mut scene, admin, _) = retried().await;
            // Later than any validation takes: so the second one does not join the first.
            scene.wait(SignedDuration::from_secs(90));
            play(vec![vec![retry_sandbox(&admin)]], scene)
        }
        .boxed()
    },
    faults: NONE,
    sometimes: &["Sandbox: ready", "retry-sandbox: 202"],
    ..LOGIN
};

pub const RETRY_SUSPEND: Case = Case {
    name: "a retry's Sandbox x a suspension",
    play: |_| {
        async {
            let (scene, admin, _) = retried().await;
            play(vec![vec![suspend(&admin.account)]], scene)
        }
        .boxed()
    },
    faults: NONE,
    sometimes: &["Sandbox: ready", "Sandbox: validating key_rejected"],
    ..LOGIN
};

pub const LOGIN_SWEEP: Case = Case {
    name: "a login's Sandbox x the sweep",
    play: |_| {
        async {
            let (mut scene, _) = logged_in().await;
            scene.wait(SignedDuration::from_mins(3));
            play(vec![vec![sweep()]], scene)
        }
        .boxed()
    },
    faults: NONE,
    sometimes: &["Sandbox: ready", "sweep: 200"],
    ..LOGIN
};

/// A retry whose record got lost as often as the sweep redelivers one; and that record.
async fn lost() -> (Scene, Option<Vec<Delivery>>) {
    let (mut scene, _, _) = retried().await;
    let owed = scene.owed.clone();
    for _ in 0..9 {
        scene.wait(SignedDuration::from_hours(7));
        scene.done(&sweep()).await;
        scene.lose();
    }
    scene.wait(SignedDuration::from_hours(7));
    (scene, owed)
}

pub const GIVE_UP: Case = Case {
    name: "the sweep gives a retry up, with a fault",
    play: |_| {
        async {
            let (scene, _) = lost().await;
            play(vec![vec![sweep()]], scene)
        }
        .boxed()
    },
    faults: Faults {
        fates: &[Fate::Twice, Fate::Undelivered, Fate::Killed, Fate::KilledAfter, Fate::Late],
        most: 1,
    },
    sometimes: &["Sandbox: not_configured timed_out", "provision-sandbox: Killed"],
    ..LOGIN
};

/// Its record is there after all.
pub const GIVE_UP_LATE: Case = Case {
    name: "the sweep gives a retry up x its Sandbox",
    play: |_| {
        async {
            let (mut scene, owed) = lost().await;
            scene.owed = owed;
            play(vec![vec![sweep()]], scene)
        }
        .boxed()
    },
    faults: NONE,
    sometimes: &["Sandbox: ready"],
    ..LOGIN
};

pub const INVITE: Case = Case {
    name: "an invitation's mail, with a fault",
    holds: MAILS,
    play: |_| {
        async {
            let (scene, ..) = invited().await;
            play(vec![], scene)
        }
        .boxed()
    },
    sometimes: &[
        "mail: done",
        "mail: failed",
        "deliver-mail: Again",
        "deliver-mail: Killed",
        "deliver-mail: NeverCame",
        "LostAfter of SendEmail, then deliver-mail",
    ],
    ..LOGIN
};

/// Two people are invited, and neither has a mail yet: who invited them, and the first.
async fn two_invited() -> (Scene, Person, String) {
    let (mut scene, admin, member, _) = invited().await;
    scene.invited(&admin, ALSO_INVITED).await;
    scene.settle_but(&[DELIVER]).await;
    scene.in_one_batch();
    (scene, admin, member)
}

pub const INVITES_IN_ONE_BATCH: Case = Case {
    name: "two invitations' mails in one batch, while mail fails",
    play: |_| {
        async {
            let (scene, ..) = two_invited().await;
            play(vec![], scene)
        }
        .boxed()
    },
    faults: Faults { fates: &[Fate::Down], most: 1 },
    sometimes: &["mail: done", "deliver-mail: Again", "deliver-mail: brought the rest"],
    ..INVITE
};

pub const INVITES_REVOKE: Case = Case {
    name: "two invitations' mails in one batch x one is revoked",
    play: |_| {
        async {
            let (scene, admin, member) = two_invited().await;
            play(vec![vec![revoke_member(&admin, &member)]], scene)
        }
        .boxed()
    },
    judge: |ended| {
        let to = |address: &str| ended.mailed.iter().filter(|mail| mail.to == address).count();
        let sent = (to(INVITED), to(ALSO_INVITED));
        holds(sent.0 <= 1 && sent.1 == 1, || format!("{sent:?} mails, and nothing went wrong"))
    },
    sometimes: &["revoke-member: 204", "one mail was sent", "several mails were sent"],
    ..INVITE_REVOKE
};

pub const INVITE_TWICE_IN_ONE_BATCH: Case = Case {
    name: "an invitation's mail twice in one batch",
    play: |_| {
        async {
            let (mut scene, ..) = invited().await;
            let owed = scene.owed.as_mut().expect("a scene with workers");
            owed.extend(owed.clone());
            scene.in_one_batch();
            play(vec![], scene)
        }
        .boxed()
    },
    sometimes: &["mail: done", "a mail was sent"],
    ..INVITE_REVOKE
};

pub const INVITE_WITHOUT_KEYRING: Case = Case {
    name: "an invitation's mail, while no keyring comes",
    faults: Faults { fates: &[Fate::NoKeyring, Fate::Throttled], most: 2 },
    sometimes: &["mail: done", "deliver-mail: Again"],
    ..INVITE
};

pub const INVITE_TWICE: Case = Case {
    name: "an invitation's mail comes twice",
    faults: Faults { fates: &[Fate::Twice], most: 1 },
    sometimes: &["mail: done"],
    ..INVITE
};

pub const INVITE_REVOKE: Case = Case {
    name: "an invitation's mail x it is revoked",
    play: |_| {
        async {
            let (scene, admin, member, _) = invited().await;
            play(vec![vec![revoke_member(&admin, &member)]], scene)
        }
        .boxed()
    },
    faults: NONE,
    judge: |ended| {
        let sent = ended.mailed.len();
        holds(sent <= 1, || format!("{sent} mails of one invitation, and nothing went wrong"))
    },
    sometimes: &["mail: done", "revoke-member: 204", "a mail was sent", "no mail was sent"],
    ..INVITE
};

pub const INVITE_DECLINE: Case = Case {
    name: "an invitation's mail x it is declined",
    play: |_| {
        async {
            let (scene, _, _, link) = invited().await;
            play(vec![vec![decline(&link)]], scene)
        }
        .boxed()
    },
    sometimes: &["mail: done", "decline-invitation: 204", "a mail was sent", "no mail was sent"],
    ..INVITE_REVOKE
};

pub const INVITE_RESEND: Case = Case {
    name: "an invitation's mail x another one",
    play: |_| {
        async {
            let (scene, admin, member, _) = invited().await;
            play(vec![vec![resend(&admin, &member)]], scene)
        }
        .boxed()
    },
    judge: |ended| {
        let sent = ended.mailed.len();
        holds((1..=2).contains(&sent), || format!("{sent} mails of two invitations"))
    },
    sometimes: &["mail: done", "resend-invitation: 202"],
    ..INVITE_REVOKE
};

pub const INVITE_SWEEP: Case = Case {
    name: "an invitation's mail x the sweep",
    play: |_| {
        async {
            let (mut scene, ..) = invited().await;
            scene.wait(SignedDuration::from_mins(3));
            play(vec![vec![sweep()]], scene)
        }
        .boxed()
    },
    judge: |_| Ok(()),
    sometimes: &["mail: done", "sweep: 200"],
    ..INVITE_REVOKE
};

/// A code that cannot be sent is tried again while it is good, and then given up.
pub const CODE: Case = Case {
    name: "a code's mail x its three minutes",
    play: |_| {
        async {
            let (mut scene, _, _) = ready().await;
            let end = scene.now() + SignedDuration::from_secs(180);
            scene.challenge(ADMIN).await;
            scene.settle_but(&[DELIVER]).await;
            play(vec![vec![until(end)]], scene)
        }
        .boxed()
    },
    faults: Faults { fates: &[Fate::Down, Fate::LostAfter, Fate::KilledAfter], most: 1 },
    judge: no_code_is_late,
    sometimes: &["mail: done", "mail: failed", "deliver-mail: Again", "a mail was sent"],
    ..INVITE
};

/// By whoever looked what it is about after that.
fn no_code_is_late(ended: &Ended) -> Result<(), String> {
    let passed = ended.of(crate::scene::TIME).map(|time| time.ended).min();
    for mail in &ended.mailed {
        let own = |step: &crate::wire::Step| (step.actor, step.act) == (mail.actor, mail.act);
        let began = ended.steps.iter().position(own);
        holds(passed.is_none() || began < passed, || "a code was mailed too late".to_owned())?;
    }
    Ok(())
}

/// More than can be tried in every order.
pub const MANY: Case = Case {
    name: "logins, retries, tests and mails, with up to four faults",
    holds: SANDBOX,
    play: |_| {
        async {
            let (mut scene, admin, key) = retried().await;
            let other = scene.member(&admin, "other@example.com", "admin").await;
            let (member, link) = scene.invited(&admin, INVITED).await;
            scene.settle_but(&[PROVISION, DELIVER]).await;
            let soon = scene.now() + SignedDuration::from_mins(3);
            let actors = vec![
                vec![test_sandbox(&admin), retry_sandbox(&admin), resend(&admin, &member)],
                vec![invite(&other, "new@example.com", "member"), delete_key(&other, &key)],
                vec![decline(&link), retry_sandbox(&other)],
                vec![suspend(&admin.account), operate(&admin.account, "resume", json!({}))],
                vec![until(soon), sweep()],
            ];
            play(actors, scene)
        }
        .boxed()
    },
    faults: Faults {
        fates: &[
            Fate::Throttled,
            Fate::Outage,
            Fate::Conflict,
            Fate::LostBefore,
            Fate::LostAfter,
            Fate::Late,
            Fate::Killed,
            Fate::KilledAfter,
            Fate::Twice,
            Fate::Undelivered,
            Fate::Refused,
            Fate::Down,
            Fate::Mute,
        ],
        most: 4,
    },
    sometimes: &["Sandbox: ready", "a mail was sent"],
    ..LOGIN
};
