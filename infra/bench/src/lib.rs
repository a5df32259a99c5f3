//! How fast the functions are, and what they take, beside what they might be measured by: programs
//! that do next to nothing, the bare SDK, and what somebody would take instead. `cargo speed` runs
//! it; `docs/speed.md` explains what it prints.
//!
//! The programs run as on Lambda, each a process of its own that asks a [runtime
//! API](runtime_api) for events. First a [journey] through a local desk has every function do
//! something, and what the store [answered](store) it is kept. Then each does the same again and
//! again, in turns with the others, and the store says what it said before.
//!
//! `cargo load` has 64 [clients](load) ask a desk about a key, and its engine for a row, in turns.
//!
//! `cargo growth` prints what tests count: whether an action sends or costs more when there is more
//! of something.
//!
//! To add a program: a [candidate], from `candidates.rs`. To add a function to what is
//! measured: a request of it in `journey.rs`, and then it is.

pub mod candidate;
pub mod candidates;
pub mod certificate;
pub mod chart;
pub mod command;
pub mod docs;
pub mod growth;
pub mod host;
pub mod http;
pub mod journey;
pub mod load;
pub mod local_desk;
pub mod measure;
pub mod numbers;
pub mod process;
pub mod programs;
pub mod report;
pub mod runtime_api;
pub mod store;
pub mod table;
pub mod told;

/// Whatever keeps the bench from going on.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
