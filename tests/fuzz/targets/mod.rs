//! What any bytes do to Frontdesk: each function here takes some, and panics where they break a
//! promise.
//!
//! `main.rs` runs them as tests, on seeds and on what once broke one; `fuzz/` hands the same to
//! libFuzzer. A new parser is a line in [`texts`], a new function has its sample event and with it
//! its place in [`events`].

mod choices;
mod events;
pub mod panics;
mod scene;
mod store;
mod texts;

pub use events::{checks, ends_of_numbers, operators, requests, rows, workers};
pub use texts::{sealed, texts};
