//! The one test binary is `it/`; this library is empty.
