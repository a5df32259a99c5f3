//! What stands in for AWS. The functions talk to these over the wire with the real SDK clients;
//! only the endpoint differs from a deployment.

pub(crate) mod database;
pub(crate) mod mail;
mod retention;
pub(crate) mod secrets;
pub(crate) mod ses;
