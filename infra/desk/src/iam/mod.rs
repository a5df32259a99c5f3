//! Who may do what: the policies of `template.yaml`, decided as IAM decides.

mod policy;

pub use policy::{Act, Context, Decision, Grant, Policy};
