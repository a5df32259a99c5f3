//! Every panic is noted, also one that the functions catch.

use std::cell::{Cell, RefCell};
use std::panic::{set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static NOTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Notes the panics of each thread from now on.
pub fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            NOTED.with_borrow_mut(|noted| noted.push(panic.to_string()));
            if !IS_QUIET.get() {
                others(panic);
            }
        }));
    });
}

/// Those of this thread since it was asked last.
pub fn noted() -> Vec<String> {
    NOTED.take()
}

/// Whether panics of this thread are noted without being told.
pub fn be_quiet(quiet: bool) {
    IS_QUIET.set(quiet);
}
