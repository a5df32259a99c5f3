//! What the functions are measured beside: programs that do next to nothing, and one that does no
//! more than ask DynamoDB for one row. Each is an example of this package.
//!
//! The former are built with nothing but the runtime. The latter is built on `edge`, so that what
//! it depends on has the features that it has for the functions.

#[cfg(feature = "sdk")]
pub mod sdk;
