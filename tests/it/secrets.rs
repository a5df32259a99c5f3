//! What nobody is to read, and where it may be: the table of `docs/security.md`, and a search for
//! it in whatever somebody could read.

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::{BTreeMap, BTreeSet};

/// What nobody is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    ApiKey,
    SandboxKey,
    LoginCode,
    Challenge,
    SessionToken,
    BrowserCookie,
    InvitationLink,
    Keyring,
    MemberAddress,
    OtherAddress,
    NetworkAddress,
    ClientsWords,
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::ApiKey,
        Self::SandboxKey,
        Self::LoginCode,
        Self::Challenge,
        Self::SessionToken,
        Self::BrowserCookie,
        Self::InvitationLink,
        Self::Keyring,
        Self::MemberAddress,
        Self::OtherAddress,
        Self::NetworkAddress,
        Self::ClientsWords,
    ];

    /// As the table has it.
    fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "API key",
            Self::SandboxKey => "Sandbox key",
            Self::LoginCode => "login code",
            Self::Challenge => "challenge",
            Self::SessionToken => "session token",
            Self::BrowserCookie => "cookie of a known browser",
            Self::InvitationLink => "link of an invitation",
            Self::Keyring => "keyring, origin secret",
            Self::MemberAddress => "e-mail address of a member",
            Self::OtherAddress => "any other e-mail address",
            Self::NetworkAddress => "network address",
            Self::ClientsWords => "whatever else a client sends",
        }
    }

    /// What is short is looked for as a whole, and only where it stands by itself. Of what is long
    /// and random, a part is enough.
    fn is_short(self) -> bool {
        match self {
            Self::LoginCode | Self::MemberAddress | Self::OtherAddress | Self::NetworkAddress => {
                true
            }
            Self::ApiKey
            | Self::SandboxKey
            | Self::Challenge
            | Self::SessionToken
            | Self::BrowserCookie
            | Self::InvitationLink
            | Self::Keyring
            | Self::ClientsWords => false,
        }
    }
}

/// Where it can be read, and of what: the function that answers or gives up, the kind of a mail,
/// the type of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Answer(String),
    Mail(String),
    Row(String),
    GivenUp(String),
    Log,
}

/// Where each of them may be.
pub type Allowed = BTreeSet<(Kind, Place)>;

/// The table in `docs/security.md`.
pub fn allowed() -> Allowed {
    const BEGIN: &str = "<!-- secrets:begin -->";
    const END: &str = "<!-- secrets:end -->";
    let text = std::fs::read_to_string(desk::workspace_root().join("docs/security.md"));
    let text = text.expect("docs/security.md is there");
    let table = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let (table, _) = table.expect("the table of secrets");
    let mut lines = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with('|')).skip(2) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        lines.insert(cells[0].to_owned(), cells);
    }
    let mut allowed = Allowed::new();
    for kind in Kind::ALL {
        let cells = lines.remove(kind.name()).unwrap_or_else(|| panic!("no line of {kind:?}"));
        let places: [fn(String) -> Place; 4] =
            [Place::Answer, Place::Mail, Place::Row, Place::GivenUp];
        for (cell, place) in cells[1..5].iter().zip(places) {
            // What is in backticks is a name.
            let names = cell.split('`').skip(1).step_by(2);
            allowed.extend(names.map(|name| (kind, place(name.to_owned()))));
        }
        assert_eq!(cells[5..], ["-"], "{kind:?} is in no log");
    }
    assert!(lines.is_empty(), "nobody knows these: {:?}", lines.keys());
    allowed
}

/// Letters that are enough to know something random by.
const PIECE: usize = 12;

/// Secrets that are known.
#[derive(Debug, Default, Clone)]
pub struct Secrets(BTreeSet<(Kind, String)>);

impl Secrets {
    pub fn learn(&mut self, kind: Kind, value: &str) {
        assert!(kind.is_short() || value.len() >= PIECE, "{kind:?} is too short to be known by");
        self.0.insert((kind, value.to_owned()));
    }

    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| *known == kind).map(|(_, value)| value.as_str())
    }

    pub fn search(&self) -> Search {
        let mut needles = BTreeMap::new();
        for (kind, value) in &self.0 {
            for piece in pieces(*kind, value) {
                for (form, text) in forms(&piece) {
                    let alone = kind.is_short() && form == Form::Text;
                    needles.insert(text, Needle { kind: *kind, alone });
                }
            }
        }
        let automaton = AhoCorasick::new(needles.keys()).expect("they are few enough");
        Search { automaton, needles: needles.into_values().collect() }
    }
}

fn pieces(kind: Kind, value: &str) -> Vec<String> {
    if kind.is_short() {
        return vec![value.to_owned()];
    }
    let bytes = value.as_bytes().chunks_exact(PIECE);
    bytes.map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Text,
    Coded,
}

/// What a form of HTML escapes.
const OF_FORMS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// A text as somebody may have written it: as it is, escaped, or in one of the usual codes.
pub fn forms(text: &str) -> BTreeSet<(Form, String)> {
    let bytes = text.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let html = text.replace('&', "&amp;").replace('+', "&#43;").replace('@', "&#64;");
    let mut forms = BTreeSet::from([
        (Form::Text, text.to_owned()),
        (Form::Text, utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()),
        (Form::Text, utf8_percent_encode(text, OF_FORMS).to_string()),
        (Form::Text, text.replace('@', "\\u0040")),
        (Form::Text, text.replace('@', "\\\\u0040")),
        (Form::Text, html),
        (Form::Coded, hex.to_uppercase()),
        (Form::Coded, hex),
        (Form::Coded, bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")),
        (Form::Coded, bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(",")),
    ]);
    // In the middle of a longer text it begins at one of three places.
    for before in 0..3 {
        let padded = [&vec![0; before], bytes].concat();
        let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for code in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.insert((Form::Coded, code.encode(&padded)[from..to].to_owned()));
        }
    }
    forms
}

struct Needle {
    kind: Kind,
    /// Neither a letter nor a digit stands before or behind it.
    alone: bool,
}

/// A search for all of them at once.
pub struct Search {
    automaton: AhoCorasick,
    needles: Vec<Needle>,
}

impl Search {
    /// What is in a text, with what it stands among.
    pub fn find(&self, text: &str) -> BTreeMap<Kind, String> {
        let bytes = text.as_bytes();
        let is_part = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphanumeric);
        let mut found = BTreeMap::new();
        for hit in self.automaton.find_overlapping_iter(text) {
            let needle = &self.needles[hit.pattern().as_usize()];
            let before = hit.start().checked_sub(1).and_then(|at| bytes.get(at));
            if needle.alone && (is_part(before) || is_part(bytes.get(hit.end()))) {
                continue;
            }
            let (from, to) = (hit.start().saturating_sub(150), (hit.end() + 60).min(bytes.len()));
            let around = String::from_utf8_lossy(&bytes[from..to]).into_owned();
            found.entry(needle.kind).or_insert(around);
        }
        found
    }
}
