//! The one test binary. A test's name is a guarantee, in a sentence.

mod support;

mod end_session;
