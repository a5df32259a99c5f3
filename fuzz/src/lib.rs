//! The targets of `tests/fuzz`, for libFuzzer: `CONTRIBUTING.md` says how.

#[path = "../../tests/fuzz/targets/mod.rs"]
pub mod targets;
