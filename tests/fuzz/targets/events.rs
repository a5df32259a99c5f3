//! Whatever event comes in: an answer, or the word that it cannot be read.
//!
//! Each input is a sample event with changes, as Lambda would hand it over. The function runs
//! whole, over a real table, and its answer is judged by what it may be.

use crate::targets::choices::{Choices, places_in, written};
use crate::targets::panics;
use crate::targets::scene::{Scene, trigger_of};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions::{Event, Trigger};
use lambda_runtime::Error;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What browsers and programs send.
pub fn requests(input: &[u8]) {
    answered(input, |trigger| matches!(trigger, Trigger::Http { .. }));
}

/// What gateways ask about the keys of their clients.
pub fn checks(input: &[u8]) {
    answered(input, |of| matches!(of, Trigger::Authorizer | Trigger::ForwardAuth { .. }));
}

/// What the table's stream, SES's topic and the schedule hand over.
pub fn workers(input: &[u8]) {
    answered(input, |of| matches!(of, Trigger::Stream | Trigger::Topic | Trigger::Schedule));
}

pub fn operators(input: &[u8]) {
    answered(input, |trigger| trigger == Trigger::Operator);
}

/// A changed event to one of the functions with such a trigger.
fn answered(input: &[u8], is_meant: fn(Trigger) -> bool) {
    Scene::with(|scene| {
        let events: Vec<_> =
            scene.events.iter().filter(|(name, _)| is_meant(trigger_of(name))).collect();
        let mut choices = Choices::new(input, &scene.words);
        let (name, event) = *choices.of(&events);
        let mut event = event.clone();
        let is_a_clients = event.get("requestContext").is_some() && choices.below(2) == 0;
        let text = if is_a_clients {
            for _ in 0..=choices.below(4) {
                as_a_client(&mut event, &mut choices);
            }
            written(&event)
        } else {
            choices.change_some(&mut event);
            let text = written(&event);
            if choices.below(16) == 15 { choices.near(&text) } else { text }
        };
        // What is no JSON never comes to a function.
        let Ok(payload) = serde_json::from_str::<Event>(&text) else { return };
        let call = Call { scene, name, text: &text };
        match call.made(payload) {
            Ok(answer) => call.judge(&answer),
            Err(error) => {
                assert!(!is_a_clients, "a client can cause this event: {error}\n{text:.2000}");
                call.judge_failure(&error);
            }
        }
    });
}

/// A good event over a table in which a few rows are not as they should be. What has to be told is
/// told; nothing panics.
pub fn rows(input: &[u8]) {
    Scene::with(|scene| {
        let mut choices = Choices::new(input, &scene.words);
        let rows: Vec<_> = scene.store.rows().into_values().collect();
        for _ in 0..=choices.below(3) {
            let mut row = choices.of(&rows).clone();
            choices.damage(&mut row);
            scene.store.put(&row);
        }
        let (name, event) = choices.of(&scene.events);
        let text = event.to_string();
        let payload = serde_json::from_str(&text).expect("JSON");
        let _told = Call { scene, name, text: &text }.made(payload);
    });
}

/// The first moment that there are times for, in milliseconds, and a second before they end; the
/// ends of what 32 and 64 bits hold.
const ENDS: [&str; 6] = [
    "-377705023201000",
    "253402207199000",
    "4294967295",
    "-9223372036854775808",
    "9223372036854775807",
    "18446744073709551615",
];

/// Every kind of number that rows have, each at its ends in all rows at once, and then every event.
/// What panics, and how often it was tried.
pub fn ends_of_numbers() -> (Vec<String>, u64) {
    Scene::with(|scene| {
        let rows = scene.store.rows();
        let names: BTreeSet<String> = rows.values().flat_map(numbers_of).map(name_of).collect();
        let mut told = Vec::new();
        let mut tried = 0;
        for (name, end) in names.iter().flat_map(|name| ENDS.map(|end| (name, end))) {
            for row in rows.values() {
                let mut damaged = row.clone();
                for place in numbers_of(row).filter(|place| name_of(place.clone()) == *name) {
                    *damaged.pointer_mut(&place).expect("a number") = end.into();
                }
                scene.store.put(&damaged);
            }
            scene.store.keep();
            for (function, event) in &scene.events {
                panics::noted();
                let event = serde_json::from_str(&event.to_string()).expect("JSON");
                let _told = scene.invoke(function, event);
                scene.store.restore();
                let why = panics::noted();
                told.extend(why.iter().map(|why| format!("{function}, {name} {end}: {why}")));
                tried += 1;
            }
            rows.values().for_each(|row| scene.store.put(row));
        }
        scene.store.keep();
        (told, tried)
    })
}

fn numbers_of(row: &Value) -> impl Iterator<Item = String> + use<> {
    places_in(row).into_iter().filter(|place| place.ends_with("/N"))
}

/// What an attribute is called, of its pointer.
fn name_of(place: String) -> String {
    place.rsplit('/').nth(1).unwrap_or_default().to_owned()
}

/// The parts of an event that a client writes, wherever they stand.
const CLIENTS: [&str; 7] =
    ["headers", "headers", "cookies", "body", "rawPath", "queryStringParameters", "pathParameters"];

/// A change that a gateway would make an event of: the kinds of its parts stay.
fn as_a_client(event: &mut Value, choices: &mut Choices<'_>) {
    let part = *choices.of(&CLIENTS);
    match &mut event[part] {
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = match choices.below(3) {
                0 => choices.text(),
                _ if names.is_empty() => choices.text(),
                _ => choices.of(&names).clone(),
            };
            let known = fields.get(&name).and_then(Value::as_str).unwrap_or_default();
            let value = if choices.below(2) == 0 { choices.text() } else { choices.near(known) };
            fields.insert(name, value.into());
        }
        Value::Array(texts) => texts.insert(0, choices.text().into()),
        other if part == "cookies" => *other = json!([choices.text()]),
        other if part.ends_with("Parameters") => {
            *other = json!({ choices.text(): choices.text() });
        }
        other => {
            let mut text = other.as_str().unwrap_or_default().to_owned();
            match serde_json::from_str::<Value>(&text) {
                Ok(mut body @ Value::Object(_)) if choices.below(8) > 0 => {
                    choices.change_some(&mut body);
                    text = written(&body);
                }
                Ok(_) | Err(_) => text = choices.near(&text),
            }
            *other = text.into();
        }
    }
    if choices.below(16) == 15 {
        let body = event["body"].as_str().unwrap_or_default();
        event["body"] = STANDARD.encode(body).into();
        event["isBase64Encoded"] = true.into();
    }
}

/// One call of a function.
struct Call<'s> {
    scene: &'s Scene,
    name: &'s str,
    text: &'s str,
}

impl Call<'_> {
    fn made(&self, payload: Event) -> Result<Value, Error> {
        panics::noted();
        let answer = self.scene.invoke(self.name, payload);
        self.scene.store.restore();
        let panics = panics::noted();
        assert!(panics.is_empty(), "{} panics: {panics:?}\n{:.2000}", self.name, self.text);
        answer
    }

    /// Whether one of these is in the event.
    fn shows(&self, any: &[String]) -> bool {
        any.iter().any(|text| self.text.contains(text))
    }

    fn judge(&self, answer: &Value) {
        let (name, text) = (self.name, self.text);
        let right = match trigger_of(name) {
            Trigger::Http { .. } | Trigger::ForwardAuth { .. } => self.is_response(answer),
            Trigger::Authorizer => self.is_policy(answer),
            Trigger::Stream => {
                let failed = answer["batchItemFailures"].as_array();
                failed.is_some_and(|all| all.iter().all(|one| one["itemIdentifier"].is_string()))
            }
            Trigger::Topic => answer.is_null(),
            Trigger::Operator => answer.is_object(),
            Trigger::Schedule => answer["driven"].is_u64() && answer["given_up"].is_u64(),
        };
        assert!(right, "{name} answers {answer}\n{text:.2000}");
    }

    fn is_response(&self, answer: &Value) -> bool {
        let header = |name: &str| answer["headers"][name].as_str().unwrap_or_default();
        let body = answer["body"].as_str().unwrap_or_default();
        let document: Value = serde_json::from_str(body).unwrap_or_default();
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        let is_whole = body.is_empty() || document.is_object();
        let is_kept_by_nobody = header("cache-control") == "no-store";
        let is_told = match status {
            200..300 => self.may_get_in(),
            // To a HEAD.
            _ if body.is_empty() => true,
            403 if self.name == "check-key" => document["error"]["code"] == status,
            400..500 => {
                header("content-type") == "application/problem+json"
                    && document["status"] == status
                    && ["code", "title", "detail"].iter().all(|name| document[name].is_string())
            }
            _ => false,
        };
        is_told && is_whole && is_kept_by_nobody
    }

    /// Whether the event has what lets somebody in there.
    fn may_get_in(&self) -> bool {
        match self.name {
            "request-code" | "verify-code" | "decline-invitation" => true,
            "check-key" => self.shows(&self.scene.keys),
            _ => self.shows(&self.scene.sessions),
        }
    }

    fn is_policy(&self, answer: &Value) -> bool {
        let effect = &answer["policyDocument"]["Statement"][0]["Effect"];
        let is_in = answer["isAuthorized"] == true || effect == "Allow";
        let is_out = answer["isAuthorized"] == false || effect == "Deny";
        let is_told = answer["context"]["key_id"].is_string();
        is_out && !is_told || is_in && is_told && self.shows(&self.scene.keys)
    }

    /// What is no answer says that the event is none that comes from there, or what of it cannot be
    /// taken.
    fn judge_failure(&self, error: &Error) {
        let (name, text, told) = (self.name, self.text, error.to_string());
        let problem: Value = serde_json::from_str(&told).unwrap_or_default();
        let right = match trigger_of(name) {
            _ if told.starts_with("the event cannot be read") => true,
            Trigger::Authorizer => told.starts_with("the event names no"),
            Trigger::Topic => told == "what SES tells of a mail cannot be read",
            Trigger::Operator => problem["status"].as_u64().is_some_and(|status| status < 500),
            Trigger::Http { .. }
            | Trigger::ForwardAuth { .. }
            | Trigger::Stream
            | Trigger::Schedule => false,
        };
        assert!(right, "{name} fails: {told}\n{text:.2000}");
    }
}
