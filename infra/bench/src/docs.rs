//! What is written into the documents: the tables of `docs/speed.md`, the charts beside it, and all
//! numbers as JSON.

use crate::candidate::Kind;
use crate::candidates::{AUTHORIZE_KEY, BETTER_AUTH, HELLO, NODE, SDK};
use crate::chart::{self, Bar};
use crate::measure::Figures;
use crate::report::Report;
use crate::{Failure, table};
use std::path::Path;

/// What a chart has a bar for.
type Shown = fn(&Figures) -> bool;
type Number = fn(&Figures) -> f64;

/// File, title, unit, bars and how long they are.
const CHARTS: [(&str, &str, &str, Shown, Number); 4] = [
    ("start.svg", "Key check: spawn to first answer", "ms", is_peer, |one| one.first_answer_ms),
    ("cpu.svg", "Key check: CPU of a warm call", "us", is_peer, |one| one.cpu_us),
    ("memory.svg", "Key check: most memory", "MiB", is_peer, |one| one.peak_mib),
    ("functions.svg", "Spawn to first answer", "ms", is_deployed, |one| one.first_answer_ms),
];

/// `folder` is the documents'.
pub fn write(report: &Report, folder: &Path) -> Result<(), Failure> {
    put(&folder.join("speed.md"), &table::text(report))?;
    let own = folder.join("speed");
    std::fs::create_dir_all(&own)?;
    std::fs::write(own.join("speed.json"), format!("{:#}\n", report.json()))?;
    for (file, title, unit, shown, number) in CHARTS {
        let shown = report.figures.iter().filter(|one| shown(one));
        let bars: Vec<Bar> = shown.map(|one| bar(one, number(one))).collect();
        std::fs::write(own.join(file), chart::bars(title, unit, &bars))?;
    }
    Ok(())
}

/// Puts this between the marks of a document.
pub fn put(document: &Path, text: &str) -> Result<(), Failure> {
    let text = table::put_into(&std::fs::read_to_string(document)?, text);
    let none = || format!("{} has no marks for the figures", document.display());
    Ok(std::fs::write(document, text.ok_or_else(none)?)?)
}

fn is_peer(one: &Figures) -> bool {
    [HELLO, SDK, AUTHORIZE_KEY, NODE, BETTER_AUTH].contains(&one.name.as_str())
}

fn is_deployed(one: &Figures) -> bool {
    one.name == HELLO || (one.kind == Kind::Function && !one.name.contains("LTO"))
}

fn bar(one: &Figures, value: f64) -> Bar {
    Bar { name: one.name.clone(), value, ours: one.kind == Kind::Function }
}
