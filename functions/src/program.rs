//! The program of one function: what its binary is made of.

use crate::{FUNCTIONS, Function};

/// The `main` of a binary. It finds its function while it is compiled, so that it carries the code
/// of that one alone, and not the table, which holds all of them.
#[macro_export]
macro_rules! serve {
    ($name:literal) => {
        $crate::run(const { $crate::function($name) })
    };
}

pub fn run(function: Function) -> Result<(), lambda_runtime::Error> {
    edge::lambda::run(function.name, |app| function.build(app))
}

pub const fn function(name: &str) -> Function {
    let mut number = 0;
    while number < FUNCTIONS.len() {
        if is_same(FUNCTIONS[number].name.as_bytes(), name.as_bytes()) {
            return FUNCTIONS[number];
        }
        number += 1;
    }
    panic!("there is no function of this name")
}

/// `==`, which a constant cannot use yet.
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
