//! What `template.yaml` deploys.

use desk::inside;
use desk::template::{Table, Template};
use std::sync::LazyLock;

pub static TEMPLATE: LazyLock<Template> =
    LazyLock::new(|| inside::template("https://api.example.com/validate"));

pub fn table() -> &'static Table {
    TEMPLATE.table()
}
