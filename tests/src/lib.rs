//! What the test binaries share. The tests themselves are in `it/` and beside it.

pub mod proof;
