//! Whatever text comes in: what a parser takes is what it gives back, and nothing makes one panic.

use crate::targets::choices::{Choices, written};
use domain::account::{AccountName, OperatorName};
use domain::key::{
    IdempotencyKey, KeyPrefix, KeySecret, may_expire, next_reminder, parse_expiry, reminder_due,
};
use domain::login::{Allowance, ChallengeToken, Device, LoginCode};
use domain::trail::{EventKind, Place, SubjectKind};
use domain::{
    AccountId, AddressHash, AuditId, EmailAddress, Invitation, KeyDigest, KeyId, KeyKind, KeyName,
    Keyring, MemberId, PlainKey, Sealed, Secret, SessionId, SessionLabel, SessionToken,
};
use edge::mail::MailEvent;
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;

/// One of each thing that has a form, and what they are made under.
struct Known {
    ring: Keyring,
    address: AddressHash,
    account: AccountId,
    sealed: Value,
    words: Vec<String>,
}

const PLAIN: &str = "what is sealed";
const PLACE: &str = "acct_000000000000/key_s00000000/1";

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let rng = &mut StdRng::seed_from_u64(1);
    let keyring = Keyring::generate(rng);
    let ring = Keyring::parse(&keyring).expect("a keyring");
    let email: EmailAddress = "grace@bücher.example.com".parse().expect("an address");
    let (address, account) = (email.hash(), AccountId::random(rng));
    let member = MemberId::random(&address, rng);
    let place = Place::new(1_795_462_800_000, &AuditId::random(rng).to_string()).expect("a place");
    let invitation = Invitation { account: account.clone(), member: member.clone(), number: 7 };
    let slot = domain::session::Slot::of_login(3);
    let mut words: Vec<String> = [KeyKind::Live, KeyKind::Sandbox]
        .into_iter()
        .flat_map(|kind| {
            let id = KeyId::random(kind, rng);
            let key = PlainKey::mint(&KeyPrefix::default(), &account, &id, rng);
            [id.to_string(), key.secret().expose().to_owned(), String::from(key.digest())]
        })
        .collect();
    words.extend([
        SessionToken::mint(&account, &member, slot, rng).secret().expose().to_owned(),
        format!("chl_{address}.bAAAABBBBCCCCDDDD.AAAABBBBCCCCDDDDEEEEFF"),
        format!("chl_{address}.i.AAAABBBBCCCCDDDDEEEEFF"),
        invitation.token(&ring).expose().to_owned(),
        Device::new(rng).sign(&ring, &address).expose().to_owned(),
        place.cursor(&account),
        email.to_string(),
        address.to_string(),
        account.to_string(),
        member.to_string(),
        SessionId::random(rng).to_string(),
        "123456".to_owned(),
        "2027-03-02T12:00:00.123456789+01:00[Europe/Berlin]".to_owned(),
        "👨‍👩‍👧 क्‍ष 🏴󠁧󠁢󠁳󠁣󠁴󠁿 1️⃣".to_owned(),
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(),
        keyring,
        mail_event(&account, &member),
    ]);
    let sealed = ring.seal(&Secret::new(PLAIN), PLACE, rng);
    let sealed = serde_json::to_value(&sealed).expect("JSON");
    Known { ring, address, account, sealed, words }
});

fn mail_event(account: &AccountId, member: &MemberId) -> String {
    let tags = json!({
        "account": [account], "member": [member], "invitation": ["1"], "last_login": ["never"],
    });
    let bounce = json!({ "bounceType": "Permanent", "bounceSubType": "General" });
    json!({ "eventType": "Bounce", "bounce": bounce, "mail": { "tags": tags } }).to_string()
}

/// A text for every parser of the domain, and for what SES tells.
pub fn texts(input: &[u8]) {
    let known = &*KNOWN;
    let mut choices = Choices::new(input, &known.words);
    let text = match choices.below(6) {
        0 => String::from_utf8_lossy(choices.rest()).into_owned(),
        1 => choices.text(),
        _ => {
            let good = choices.of(&known.words).clone();
            match serde_json::from_str(&good) {
                Ok(mut document @ Value::Object(_)) => {
                    choices.change_some(&mut document);
                    written(&document)
                }
                Ok(_) | Err(_) => choices.near(&good),
            }
        }
    };
    ids(&text);
    tokens(&text, known);
    words(&text);
    times(&text);
    let _ = MailEvent::read(&text);
    if let Ok(ring) = Keyring::parse(&text) {
        assert!(ring.has(ring.current()), "a keyring has its current version");
        let sealed = ring.seal(&Secret::new(PLAIN), PLACE, &mut StdRng::seed_from_u64(2));
        assert_eq!(ring.open(&sealed, PLACE).expect("its own").expose(), PLAIN);
    }
}

/// It is taken as it is, or not at all.
fn is_itself<T: FromStr + Display>(text: &str) {
    if let Ok(taken) = text.parse::<T>() {
        assert_eq!(taken.to_string(), text);
    }
}

fn ids(text: &str) {
    is_itself::<AccountId>(text);
    is_itself::<KeyId>(text);
    is_itself::<SessionId>(text);
    is_itself::<MemberId>(text);
    if let Ok(member) = text.parse::<MemberId>() {
        assert!(text.contains(&member.address().to_string()));
    }
    if let Ok(key) = text.parse::<KeyId>() {
        assert_eq!(key.kind() == KeyKind::Sandbox, text.starts_with("key_s"));
    }
    if let Ok(hash) = AddressHash::try_from(text.to_owned()) {
        assert_eq!(hash.as_str(), text);
    }
    if let Ok(allowance) = Allowance::try_from(text.to_owned()) {
        let _ = allowance.places();
        assert_eq!(allowance.as_str(), text);
    }
    if let Ok(digest) = KeyDigest::try_from(text.to_owned()) {
        assert_eq!(String::from(digest), text);
    }
    let _ = SubjectKind::of(text, EventKind::of(text));
    if let Some(number) = domain::base62::decode(text) {
        let _ = domain::base62::encode(number, text.len());
    }
}

/// What somebody shows who wants in. Nobody makes one up that is signed.
fn tokens(text: &str, known: &Known) {
    let Known { ring, address, account, .. } = known;
    if let Some(key) = PlainKey::parse(text) {
        assert_eq!(key.secret().expose(), text);
        assert!(text.starts_with(&key.start()));
        let _ = (key.digest(), KeySecret::random(&mut StdRng::seed_from_u64(3)));
    }
    if let Some(session) = SessionToken::parse(text) {
        assert_eq!(session.secret().expose(), text);
        let _ = (session.id(), session.slot.name());
    }
    if let Some(challenge) = ChallengeToken::parse(text) {
        assert_eq!(challenge.to_string(), text);
    }
    if let Some(code) = LoginCode::parse(text) {
        assert_eq!(code.secret().expose(), text);
    }
    if let Some(device) = Device::verify(text, ring, address) {
        assert_eq!(device.sign(ring, address).expose(), text);
    }
    if let Some(invitation) = Invitation::verify(text, ring) {
        assert_eq!(invitation.token(ring).expose(), text);
    }
    if let Ok(place) = Place::parse(text, account) {
        assert_eq!(place.cursor(account), text);
        assert_eq!(Place::new(place.millisecond(), place.start()), Some(place));
    }
    let _ = IdempotencyKey::parse(text);
}

fn words(text: &str) {
    if let Ok(address) = text.parse::<EmailAddress>() {
        let kept = address.as_str();
        assert!(kept.is_ascii() && kept.len() <= 254 && kept.to_ascii_lowercase() == kept);
        assert_eq!(kept.parse(), Ok(address.clone()), "it is the same when it is read again");
        assert_eq!(kept.matches('@').count(), 1);
    }
    macro_rules! name {
        ($kind:ident) => {
            if let Ok(name) = text.parse::<$kind>() {
                assert!((1..=64).contains(&name.as_str().chars().count()));
                assert_eq!(name.as_str().parse(), Ok(name));
            }
        };
    }
    name!(KeyName);
    name!(AccountName);
    name!(OperatorName);
    let _ = text.parse::<KeyPrefix>();
    let _ = SessionLabel::of(Some(text.as_bytes())).to_string();
}

fn times(text: &str) {
    let now: Timestamp = "2026-03-02T12:00:00Z".parse().expect("a time");
    if let Ok(at) = parse_expiry(text) {
        assert_eq!(parse_expiry(&at.to_string()).ok(), Some(at));
        let _ = (may_expire(at, now), next_reminder(at, now), reminder_due(at, now));
    }
}

/// A sealed value, where it lies, and the keyring: any of them changed, and it does not open.
pub fn sealed(input: &[u8]) {
    let known = &*KNOWN;
    let good = json!({ "sealed": known.sealed, "place": PLACE });
    let mut changed = good.clone();
    Choices::new(input, &known.words).change_some(&mut changed);
    let Ok(changed) = serde_json::from_str::<Value>(&written(&changed)) else { return };
    let Ok(sealed) = serde_json::from_value::<Sealed>(changed["sealed"].clone()) else { return };
    let place = changed["place"].as_str().unwrap_or_default();
    if let Ok(plain) = known.ring.open(&sealed, place) {
        assert_eq!(plain.expose(), PLAIN);
        assert_eq!(place, PLACE);
    }
}
