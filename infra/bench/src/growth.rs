//! What each action sends and costs when there is more of something, as the tests count it.

use crate::chart::{self, Bar};
use crate::{Failure, table};

/// What a line of a test begins with that tells of an action.
const MARK: &str = "growth";

/// What there was, and what a call of each action came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    pub name: String,
    pub actions: Vec<Action>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    pub name: String,
    pub requests: String,
    pub waits: String,
    pub read_units: f64,
    pub write_units: f64,
}

/// The sizes that are told of in these lines, in their order.
pub fn sizes<'l>(lines: impl Iterator<Item = &'l str>) -> Result<Vec<Size>, Failure> {
    let mut sizes: Vec<Size> = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let [MARK, size, name, requests, waits, reads, writes] = cells[..] else { continue };
        if !sizes.iter().any(|known| known.name == size) {
            sizes.push(Size { name: size.to_owned(), actions: Vec::new() });
        }
        let (requests, waits) = (requests.to_owned(), waits.to_owned());
        let (read_units, write_units) = (reads.parse()?, writes.parse()?);
        let action = Action { name: name.to_owned(), requests, waits, read_units, write_units };
        let of = sizes.iter_mut().filter(|known| known.name == size);
        of.for_each(|known| known.actions.push(action.clone()));
    }
    if sizes.is_empty() { Err("no test told of an action".into()) } else { Ok(sizes) }
}

/// A row for each action, a column for each size: requests, waits, and read and write units.
pub fn text(sizes: &[Size]) -> String {
    let names = sizes.iter().map(|size| size.name.as_str());
    let head: Vec<&str> = ["action"].into_iter().chain(names).collect();
    let Some(first) = sizes.first() else { return String::new() };
    let rows = first.actions.iter().map(|Action { name, .. }| {
        let cells = sizes.iter().map(|size| {
            let found = size.actions.iter().find(|action| action.name == *name);
            found.map_or_else(String::new, Action::cell)
        });
        [format!("`{name}`")].into_iter().chain(cells).collect()
    });
    table::table(&head, rows)
}

/// The units of one call of each action, together.
pub fn chart(sizes: &[Size]) -> String {
    let bars: Vec<Bar> = sizes.iter().map(Size::bar).collect();
    chart::bars("Read and write units of one call of each action, together", "units", &bars)
}

impl Size {
    fn bar(&self) -> Bar {
        let units = self.actions.iter().map(|action| action.read_units + action.write_units);
        Bar { name: self.name.clone(), value: units.sum(), ours: true }
    }
}

impl Action {
    fn cell(&self) -> String {
        format!("{}, {}, {} + {}", self.requests, self.waits, self.read_units, self.write_units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 5] = [
        "running 3 tests",
        "growth\tfew\tlist-keys\t4\t1\t3\t1",
        "growth\tmany\tlist-keys\t4\t1\t22\t1",
        "growth\tfew\tcheck-key\t1\t1\t1\t0",
        "growth\tmany\tcheck-key\t1\t1\t1\t0",
    ];

    #[test]
    fn each_size_has_a_column_and_each_action_a_row() {
        let sizes = sizes(LINES.into_iter()).expect("lines of a test");
        let expected = "\
            | action      |         few |         many |\n\
            |---|---:|---:|\n\
            | `list-keys` | 4, 1, 3 + 1 | 4, 1, 22 + 1 |\n\
            | `check-key` | 1, 1, 1 + 0 |  1, 1, 1 + 0 |\n";
        assert_eq!(text(&sizes), expected);
        assert!(chart(&sizes).contains("24 units"), "{}", chart(&sizes));
    }

    #[test]
    fn a_test_that_tells_nothing_is_a_failure() {
        sizes(["ok"].into_iter()).expect_err("nothing is told");
    }
}
