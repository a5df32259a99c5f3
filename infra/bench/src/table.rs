//! The figures as tables, in Markdown: they can be read as they are, too.

use crate::measure::Figures;
use crate::report::Report;

const HEAD: [&str; 12] = [
    "program",
    "first poll ms",
    "first answer ms",
    "of it CPU ms",
    "p50 us",
    "p99 us",
    "CPU us",
    "memory MiB",
    "size MB",
    "requests",
    "connections",
    "waits",
];

/// All of it, with what it is.
pub fn text(report: &Report) -> String {
    let plan = report.plan;
    let mut text = format!(
        "{}, {}, `{}`:\n{} starts of each program, {} calls after each.\n\n{}\n{}",
        report.date,
        report.machine,
        report.command,
        plan.rounds,
        plan.calls,
        programs(report),
        targets(report),
    );
    if !report.left_out.is_empty() {
        let names = report.left_out.iter().map(|(name, why)| format!("- `{name}`: {why}\n"));
        text += &format!("\nNot measured:\n\n{}", names.collect::<String>());
    }
    text
}

fn programs(report: &Report) -> String {
    table(&HEAD, report.figures.iter().map(row))
}

fn row(one: &Figures) -> Vec<String> {
    vec![
        one.name.clone(),
        format!("{:.1}", one.first_poll_ms),
        format!("{:.1}", one.first_answer_ms),
        format!("{:.1}", one.cold_cpu_ms),
        format!("{:.0}", one.p50_us),
        format!("{:.0}", one.p99_us),
        format!("{:.0}", one.cpu_us),
        format!("{:.1}", one.peak_mib),
        format!("{:.1}", one.size_mb),
        format!("{:.0}", one.requests),
        format!("{:.0}, {:.0}", one.cold_connections, one.connections),
        format!("{:.0}, {:.0}", one.first_waits, one.warm_waits),
    ]
}

fn targets(report: &Report) -> String {
    let row = |target: &crate::report::Target| {
        let met = if target.is_met() { "yes" } else { "no" };
        let shown = |value: f64| {
            format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        vec![target.what.clone(), shown(target.found), shown(target.at_most), met.to_owned()]
    };
    let targets = report.targets();
    table(&["target", "found", "at most", "met"], targets.iter().map(row))
}

/// The first column is text, the others are numbers; each as wide as it has to be.
pub fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let columns = rows[0].len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cell = |(column, text): (usize, &String)| match column {
            0 => format!("| {text:<0$} ", widths[column]),
            _ => format!("| {text:>0$} ", widths[column]),
        };
        row.iter().enumerate().map(cell).collect::<String>() + "|\n"
    };
    let rule = (0..columns).map(|column| if column == 0 { "|---" } else { "|---:" });
    let rule = rule.collect::<String>() + "|\n";
    line(&rows[0]) + &rule + &rows[1..].iter().map(line).collect::<String>()
}

/// The document with this between its two marks; none if it lacks them.
pub fn put_into(document: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(MARKS.0)?;
    let (_, after) = rest.split_once(MARKS.1)?;
    Some(format!("{before}{}\n\n{text}\n{}{after}", MARKS.0, MARKS.1))
}

const MARKS: (&str, &str) = ("<!-- figures -->", "<!-- end of the figures -->");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let document = format!("a\n{}\nold\n{}\nb\n", MARKS.0, MARKS.1);
        let once = put_into(&document, "new\n").expect("it has marks");
        let expected = format!("a\n{}\n\nnew\n\n{}\nb\n", MARKS.0, MARKS.1);
        assert_eq!(once, expected);
        assert_eq!(put_into(&once, "new\n"), Some(expected));
        assert_eq!(put_into("a", "new"), None);
    }

    #[test]
    fn numbers_stand_at_the_right_of_their_columns() {
        let rows = [vec!["one".to_owned(), "10".to_owned()], vec!["b".to_owned(), "9".to_owned()]];
        let expected = "| a   |  n |\n|---|---:|\n| one | 10 |\n| b   |  9 |\n";
        assert_eq!(table(&["a", "n"], rows.into_iter()), expected);
    }
}
