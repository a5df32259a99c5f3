//! When something happened, as far as clients can tell: between its request and its answer.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts moments: what is counted earlier came earlier, whoever counts.
#[derive(Debug, Default)]
pub struct Moments(AtomicU64);

impl Moments {
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// From before a request was sent until after its answer had come.
///
/// Something is recorded as running before its request is sent, and as over after its answer has
/// come. So whoever looks after an answer of their own sees everything that may have had a part in
/// it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub began: u64,
    ended: u64,
}

impl Span {
    pub const BEFORE_ALL: Self = Self { began: 0, ended: 0 };

    pub fn running(began: u64) -> Self {
        Self { began, ended: u64::MAX }
    }

    pub fn until(self, ended: u64) -> Self {
        Self { ended, ..self }
    }

    pub fn is_running(self) -> bool {
        self.ended == u64::MAX
    }

    pub fn ended(self) -> Option<u64> {
        (!self.is_running()).then_some(self.ended)
    }

    /// Whether it was over when the other began. Neither before the other: they overlap.
    pub fn is_before(self, other: Self) -> bool {
        self.ended < other.began
    }

    pub fn overlaps(self, other: Self) -> bool {
        !self.is_before(other) && !other.is_before(self)
    }

    /// Whether it may have happened after `first` had begun and before `last` was over.
    pub fn may_lie_between(self, first: Self, last: Self) -> bool {
        !self.is_before(first) && !last.is_before(self)
    }
}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.is_running() {
            true => write!(f, "[{}..", self.began),
            false => write!(f, "[{}..{}]", self.began, self.ended),
        }
    }
}

/// A value that is written by many at once.
#[derive(Debug, Clone)]
pub struct Register<T> {
    writes: Vec<(Span, T)>,
}

impl<T: Clone + PartialEq> Register<T> {
    pub fn new(value: T) -> Self {
        Self { writes: vec![(Span::BEFORE_ALL, value)] }
    }

    /// It may hold any of these.
    pub fn any_of(values: impl IntoIterator<Item = T>) -> Self {
        Self { writes: values.into_iter().map(|value| (Span::BEFORE_ALL, value)).collect() }
    }

    pub fn begin(&mut self, span: Span, value: T) {
        self.writes.push((span, value));
    }

    pub fn end(&mut self, span: Span) {
        for (write, _) in &mut self.writes {
            if write.began == span.began {
                *write = span;
            }
        }
    }

    /// It was refused: nothing was written.
    pub fn cancel(&mut self, span: Span) {
        self.writes.retain(|(write, _)| write.began != span.began);
    }

    /// Whether what was written then had been written over before `span`.
    pub fn is_written_over(&self, write: Span, span: Span) -> bool {
        self.writes.iter().any(|(other, _)| write.is_before(*other) && other.is_before(span))
    }

    /// What the register may have held at some moment of `span`: each write that had begun, and
    /// that no other write has followed which was over before `span`.
    pub fn possible(&self, span: Span) -> Vec<T> {
        let begun = self.writes.iter().filter(|(write, _)| !span.is_before(*write));
        let last = begun.filter(|(write, _)| !self.is_written_over(*write, span));
        last.map(|(_, value)| value.clone()).collect()
    }

    /// Whether it held this value, and no other, all the time.
    pub fn surely(&self, span: Span, value: &T) -> bool {
        self.possible(span).iter().all(|possible| possible == value)
    }

    /// From now on it is known.
    pub fn settle(&mut self, value: T) {
        *self = Self::new(value);
    }
}
