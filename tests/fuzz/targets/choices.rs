//! Bytes as choices: the same bytes are always the same input, whoever comes up with them.
//!
//! A mutator at the level of JSON, because changes of single bytes seldom get past a JSON parser.

use arbitrary::Unstructured;
use serde_json::{Map, Value, json};

/// Stands in a text for half of a surrogate pair: JSON can spell it, and no `String` can hold it.
const HALF: char = '\u{e000}';
/// Stands in a field's name for nothing, so that an object can have two fields of one name.
const AGAIN: char = '\u{e001}';
/// Stands around a text that is to be written without quotes, as a number.
const BARE: char = '\u{e002}';

const NUMBERS: [&str; 21] = [
    "0",
    "-1",
    "-0.0",
    "1e999",
    "-1e999",
    "1e-999",
    "0.1",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    // The first and the last moment that there are times for, in milliseconds, and those beside.
    "253402207199000",
    "253402207200999",
    "253402207201000",
    "-377705023201000",
    "-377705023201001",
    "1772452800000",
    "123456789012345678901234567890123456789012345678901234567890",
];

const TEXTS: [&str; 40] = [
    "",
    " ",
    "\"",
    "<",
    "%zz",
    "%00",
    "\0",
    "\u{1}",
    "\u{7f}",
    "\u{80}",
    "\r\n",
    "ü",
    "ß",
    "\u{130}",
    "\u{300}",
    "\u{200d}",
    "\u{fe0f}",
    "\u{feff}",
    "\u{fffd}",
    "\u{202e}",
    "\u{2028}",
    "\u{10ffff}",
    "xn--",
    "xn--a",
    "@",
    "a@b.c",
    "[::1",
    "localhost:99999",
    ",",
    ";",
    "=",
    "null",
    "{}",
    "[]",
    "Bearer ",
    "__Host-frontdesk=",
    "application/json; charset=",
    "2026-03-02T12:00:00Z",
    "-009999-01-02T01:59:59Z",
    "/",
];

/// Reads choices from bytes; once they are used up, every choice is the first.
pub struct Choices<'a> {
    bytes: Unstructured<'a>,
    /// Texts that mean something where the input goes.
    words: &'a [String],
}

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8], words: &'a [String]) -> Self {
        Self { bytes: Unstructured::new(bytes), words }
    }

    pub fn is_over(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A number below this one, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.bytes.int_in_range(0..=end - 1).unwrap_or_default()
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == many - 1
    }

    pub fn of<'o, T>(&mut self, all: &'o [T]) -> &'o T {
        &all[self.below(all.len())]
    }

    pub fn rest(self) -> &'a [u8] {
        self.bytes.take_rest()
    }

    /// A text that means something, or that is seldom thought of, or any.
    pub fn text(&mut self) -> String {
        match self.below(8) {
            0..=2 => (*self.of(&TEXTS)).to_owned(),
            3 | 4 if !self.words.is_empty() => self.of(self.words).clone(),
            5 => {
                let most = if self.one_in(50) { 17 } else { 10 };
                self.of(&TEXTS).repeat(1 << self.below(most))
            }
            6 => HALF.to_string(),
            _ => {
                let length = self.below(64);
                let bytes = self.bytes.bytes(length.min(self.bytes.len())).unwrap_or_default();
                String::from_utf8_lossy(bytes).into_owned()
            }
        }
    }

    fn value(&mut self) -> Value {
        match self.below(10) {
            0 => Value::Null,
            1 => json!(self.below(2) == 1),
            2 | 3 => format!("{BARE}{}{BARE}", self.of(&NUMBERS)).into(),
            4 => json!([]),
            5 => json!({}),
            6 => (0..self.below(160)).fold(json!(0), |inside, _| json!([inside])),
            _ => self.text().into(),
        }
    }

    /// A text that is nearly this one.
    pub fn near(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..self.below(4) {
            let [from, to] = [(); 2].map(|()| {
                let at = self.below(text.len() + 1);
                (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
            });
            let (from, to) = (from.min(to), from.max(to));
            match self.below(5) {
                0 => text.truncate(to),
                1 => text.insert_str(from, &self.text()),
                2 => text.replace_range(from..to, ""),
                3 => {
                    let again = text[from..to].to_owned();
                    text.insert_str(to, &again);
                }
                _ => {
                    let character = char::from(b' ' + self.below(95) as u8);
                    let length = text[from..].chars().next().map_or(0, char::len_utf8);
                    text.replace_range(from..from + length, character.encode_utf8(&mut [0]));
                }
            }
        }
        text
    }

    /// Changes something, somewhere below: puts another thing there, takes it out, doubles it.
    pub fn change(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() && !self.one_in(12) => self.field(fields),
            Value::Array(entries) if !entries.is_empty() && !self.one_in(12) => {
                let at = self.below(entries.len());
                match self.below(12) {
                    0 => drop(entries.remove(at)),
                    1 => entries.insert(at, self.value()),
                    2 => entries.push(entries[at].clone()),
                    _ => self.change(&mut entries[at]),
                }
            }
            Value::String(text) if !self.one_in(4) => {
                // A text may be a document of its own.
                *text = match serde_json::from_str::<Value>(text) {
                    Ok(mut inside) if (inside.is_object() || inside.is_array()) => {
                        self.change(&mut inside);
                        written(&inside)
                    }
                    Ok(_) | Err(_) => self.near(text),
                };
            }
            other => *other = self.value(),
        }
    }

    fn field(&mut self, fields: &mut Map<String, Value>) {
        let at = self.below(fields.len());
        let name = fields.keys().nth(at).expect("a field").clone();
        let again = |name: &str| format!("{name}{AGAIN}");
        match self.below(16) {
            0 => drop(fields.remove(&name)),
            1 => drop(fields.insert(self.text(), self.value())),
            2 => drop(fields.insert(again(&name), fields[&name].clone())),
            3 => drop(fields.insert(again(&name), self.value())),
            4 => drop(fields.insert(name.to_uppercase(), fields[&name].clone())),
            5 => {
                let value = fields.remove(&name).expect("a field");
                fields.insert(self.near(&name), value);
            }
            _ => self.change(&mut fields[&name]),
        }
    }

    /// Does a row some damage that the store would keep: mostly in its numbers, which are times and
    /// counts.
    pub fn damage(&mut self, row: &mut Value) {
        let (numbers, others): (Vec<_>, Vec<_>) =
            places_in(row).into_iter().partition(|place| place.ends_with("/N"));
        if !numbers.is_empty() && self.below(3) > 0 {
            let place = self.of(&numbers).clone();
            *row.pointer_mut(&place).expect("a number") = (*self.of(&NUMBERS)).into();
            return;
        }
        if others.is_empty() {
            return;
        }
        let place = self.of(&others).clone();
        let (attribute, kind) = place.rsplit_once('/').expect("an attribute has a kind");
        let (inside, name) = attribute.rsplit_once('/').expect("an attribute has a name");
        let fields = row.pointer_mut(inside).and_then(Value::as_object_mut).expect("fields");
        match self.below(4) {
            0 => drop(fields.remove(name)),
            1 | 2 if kind == "S" => {
                let text = fields[name]["S"].as_str().unwrap_or_default().to_owned();
                fields[name]["S"] = self.near(&text).into();
            }
            _ => fields[name] = self.attribute(),
        }
    }

    fn attribute(&mut self) -> Value {
        match self.below(9) {
            0 => json!({ "NULL": true }),
            1 => json!({ "BOOL": self.below(2) == 1 }),
            2 | 3 => json!({ "N": self.of(&NUMBERS) }),
            4 => json!({ "L": [] }),
            5 => json!({ "M": {} }),
            6 => json!({ "M": { self.text(): self.attribute() } }),
            7 => json!({ "B": "AAAA" }),
            _ => json!({ "S": self.text() }),
        }
    }

    /// Changes a few places, for as long as there are choices to be made.
    pub fn change_some(&mut self, value: &mut Value) {
        for _ in 0..=self.below(6) {
            if !self.is_over() {
                self.change(value);
            }
        }
    }
}

/// Where a row has what is not its key: the pointers to its attributes, with their kinds.
pub fn places_in(row: &Value) -> Vec<String> {
    let mut places = Vec::new();
    attributes(row, "", &mut places);
    places
}

fn attributes(fields: &Value, inside: &str, places: &mut Vec<String>) {
    for (name, attribute) in fields.as_object().into_iter().flatten() {
        for (kind, value) in attribute.as_object().into_iter().flatten() {
            let place = format!("{inside}/{}/{kind}", name.replace('~', "~0").replace('/', "~1"));
            if kind == "M" && value != &json!({}) {
                attributes(value, &place, places);
            } else if !["/pk/S", "/sk/S"].contains(&place.as_str()) {
                places.push(place);
            }
        }
    }
}

/// The document, with what no `Value` can hold.
pub fn written(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains([HALF, AGAIN, BARE]) {
        return text;
    }
    let bare = [format!("\"{BARE}"), format!("{BARE}\"")];
    let text = bare.iter().fold(text, |text, mark| text.replace(mark, ""));
    text.replace(HALF, "\\ud800").replace([AGAIN, BARE], "")
}
