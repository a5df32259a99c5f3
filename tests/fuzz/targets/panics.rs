//! Every panic is noted, also one that the functions catch.

use edge::lambda::named;
use std::cell::{Cell, RefCell};
use std::panic::{set_hook, take_hook};
use std::sync::{Arc, Once};

thread_local! {
    static NOTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Notes the panics of each thread from now on.
pub fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // The first function that is built catches panics before all others who want to hear of
        // them. So it is built before.
        named("none", Arc::new(|_| unreachable!("nobody calls it")));
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
