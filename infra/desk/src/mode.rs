//! A setting of a stand-in that can be changed while the desk runs.

use std::sync::{Arc, Mutex, PoisonError};

/// The present mode; clones share it.
#[derive(Debug, Default)]
pub struct Switch<M>(Arc<Mutex<M>>);

impl<M> Clone for Switch<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Copy> Switch<M> {
    /// The present mode.
    pub fn mode(&self) -> M {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes it, from the next call on.
    pub fn set_mode(&self, mode: M) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}
