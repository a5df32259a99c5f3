//! The failure matrix: what each thing that a function depends on does when it fails, in each of
//! the ways in which it can. `docs/failures.md` is the matrix; a module is a row of it.

mod dynamodb_read;
mod dynamodb_write;
mod secrets_manager;

use crate::proxy::{Fault, Half};

/// As often as anybody tries.
const ALWAYS: usize = usize::MAX;

const HALVES: [Fault; 5] = {
    let [one, two, three, four, five] = Half::ALL;
    [Fault::Half(one), Fault::Half(two), Fault::Half(three), Fault::Half(four), Fault::Half(five)]
};
