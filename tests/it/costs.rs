//! What actions cost, by AWS's list prices, from what each sends to the store and logs.
//!
//! The counts are those of the table in `docs/table.md`, which another test holds against what is
//! measured at the wire, and the memory is the template's. Durations, and how much is cached or
//! cold, are assumptions, and stand here by name.

use crate::tidy::{read, template, template_functions};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// US dollars in `us-east-1`, without the free tier, as AWS published them in 2025 and 2026.
mod price {
    pub const LAMBDA_CALL: f64 = 0.20 / 1e6;
    pub const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
    pub const HTTP_API_REQUEST: f64 = 1.00 / 1e6;
    pub const CLOUDFRONT_REQUEST: f64 = 1.00 / 1e6;
    pub const CLOUDFRONT_FUNCTION: f64 = 0.10 / 1e6;
    pub const READ_UNIT: f64 = 0.125 / 1e6;
    pub const WRITE_UNIT: f64 = 0.625 / 1e6;
    pub const LOG_BYTE: f64 = 0.50 / 1e9;
    pub const MAIL: f64 = 0.10 / 1e3;
    /// A month, with point-in-time recovery.
    pub const STORED_GB: f64 = 0.25 + 0.20;
    /// A month: 3 secrets, 22 alarms over 38 metrics, 13 metrics and the event counts of two
    /// triggers in hours in which they count something, a dashboard.
    pub const FIXED: f64 = 1.20 + 3.80 + 3.90 + 3.60 + 3.00;
}

/// Bytes of Lambda's own lines for a call, `START`, `END` and `REPORT`.
const LAMBDAS_LINES: f64 = 454.0;
/// Bytes of the gateway's line for a request.
const GATEWAYS_LINE: f64 = 250.0;
/// Seconds that an execution environment takes to begin; they are billed since August 2025.
const INIT: f64 = 0.1;
/// One call in so many begins an execution environment.
const CALLS_OF_A_PROCESS: f64 = 1_000.0;
/// Seconds that a wait for the store takes, with the work before and after it.
const SECONDS_OF_A_WAIT: f64 = 0.005;
/// MB with which a function has a processor for itself.
const ONE_PROCESSOR: f64 = 1_769.0;
/// What DynamoDB takes for an answer, in the same region.
const MILLISECONDS_OF_THE_STORE: f64 = 4.0;

/// Calls of workers by a login: its mail, its Sandbox, and a try of that.
const WORKERS_OF_A_LOGIN: f64 = 3.0;
/// Write units of all of them together.
const WRITES_OF_WORKERS: f64 = 11.0;
/// Seconds that a worker takes, most of them for somebody else's answer.
const SECONDS_OF_A_WORKER: f64 = 0.2;

/// What the table of access patterns has of an action.
#[derive(Clone, Copy)]
struct Counts {
    waits: f64,
    read_units: f64,
    write_units: f64,
    logged: f64,
}

/// Dollars of a million calls.
#[derive(Clone, Copy)]
struct Cost {
    gateway: f64,
    calls: f64,
    duration: f64,
    init: f64,
    reads: f64,
    writes: f64,
    logs: f64,
}

impl Cost {
    fn together(self) -> f64 {
        let Self { gateway, calls, duration, init, reads, writes, logs } = self;
        gateway + calls + duration + init + reads + writes + logs
    }
}

/// What the tables are computed from.
struct Costs {
    counts: BTreeMap<String, Counts>,
    /// MB by function, those that say how much they need.
    memory: BTreeMap<String, f64>,
    /// MB of the others.
    usual_memory: f64,
}

impl Costs {
    fn read() -> Self {
        let table = read("docs/table.md");
        let rows = table.lines().filter_map(|line| {
            let cells: Vec<_> = line.strip_prefix("| `")?.split(" | ").collect();
            let [action, _, waits, reads, writes, logged] = cells[..] else { return None };
            let number = |cell: &str| cell.trim_end_matches(" |").parse().ok();
            let counts = Counts {
                waits: number(waits)?,
                read_units: number(reads)?,
                write_units: number(writes)?,
                logged: number(logged)?,
            };
            Some((action.trim_end_matches('`').to_owned(), counts))
        });
        let template = template();
        let memory = template_functions(&template).into_iter().filter_map(|(action, (_, of))| {
            of["Properties"]["MemorySize"].as_f64().map(|megabytes| (action, megabytes))
        });
        Self {
            counts: rows.collect(),
            memory: memory.collect(),
            usual_memory: template["Globals"]["Function"]["MemorySize"]
                .as_f64()
                .expect("megabytes"),
        }
    }

    /// A million calls that are all let in and find everything as it is mostly.
    fn of(&self, action: &str) -> Cost {
        // API Gateway calls its authorizer itself; customers' gateways come through the HTTP API,
        // and browsers through CloudFront besides.
        let (gateway, gateways_line) = match action {
            "authorize-key" => (0.0, 0.0),
            "check-key" => (price::HTTP_API_REQUEST, GATEWAYS_LINE),
            _ => (
                price::HTTP_API_REQUEST + price::CLOUDFRONT_REQUEST + price::CLOUDFRONT_FUNCTION,
                GATEWAYS_LINE,
            ),
        };
        let Counts { waits, read_units, write_units, logged } =
            *self.counts.get(action).unwrap_or_else(|| panic!("{action} is in docs/table.md"));
        let second = self.second(action);
        let lines = logged + LAMBDAS_LINES + gateways_line;
        Cost {
            gateway: 1e6 * gateway,
            calls: 1e6 * price::LAMBDA_CALL,
            duration: waits * SECONDS_OF_A_WAIT * second,
            init: INIT / CALLS_OF_A_PROCESS * second,
            reads: 1e6 * read_units * price::READ_UNIT,
            writes: 1e6 * write_units * price::WRITE_UNIT,
            logs: 1e6 * lines * price::LOG_BYTE,
        }
    }

    /// The table of all actions, by the million.
    fn actions(&self) -> String {
        let mut table = "\
            | a million of | gateways | calls | duration | init | reads | writes | logs | together \
             |\n\
            |---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
            .to_owned();
        for action in self.counts.keys() {
            let cost = self.of(action);
            let Cost { gateway, calls, duration, init, reads, writes, logs } = cost;
            let cells = [gateway, calls, duration, init, reads, writes, logs]
                .map(|cell| if cell == 0.0 { "0".to_owned() } else { format!("{cell:.3}") });
            let together = cost.together();
            writeln!(table, "| `{action}` | {} | {together:.2} |", cells.join(" | "))
                .expect("text");
        }
        table
    }

    /// A million logins: what the page asks for until it shows the Sandbox, the mail, and the
    /// workers.
    fn login(&self) -> f64 {
        let asked = ["request-code", "verify-code", "get-session", "get-sandbox", "list-keys"];
        let worker = 1e6 * (price::LAMBDA_CALL + LAMBDAS_LINES * price::LOG_BYTE)
            + SECONDS_OF_A_WORKER * self.second("deliver-mail");
        asked.iter().map(|action| self.of(action).together()).sum::<f64>()
            + 1e6 * price::MAIL
            + WORKERS_OF_A_LOGIN * worker
            + 1e6 * WRITES_OF_WORKERS * price::WRITE_UNIT
    }

    /// A million requests of pages that are looked at.
    fn console(&self) -> f64 {
        let asked = ["get-session", "get-sandbox", "get-usage", "list-keys", "list-members"];
        asked.iter().map(|action| self.of(action).together()).sum::<f64>() / asked.len() as f64
    }

    /// The table of three months.
    fn months(&self) -> String {
        let checks = self.of("authorize-key").together();
        // Millions, and GB.
        let volumes = [[0.001, 0.02, 1.0, 0.05], [0.02, 0.5, 50.0, 1.0], [0.2, 5.0, 1000.0, 20.0]];
        let prices = [self.login(), self.console(), checks, price::STORED_GB];
        let names = ["logins", "other console requests", "key checks", "storage"];
        let mut table = "\
            | | small | medium | large |\n|---|---:|---:|---:|\n\
            | accounts | 20 | 500 | 5,000 |\n\
            | logins | 1,000 | 20,000 | 200,000 |\n\
            | other console requests | 20,000 | 500,000 | 5,000,000 |\n\
            | key checks | 1,000,000 | 50,000,000 | 1,000,000,000 |\n\
            | stored | 0.05 GB | 1 GB | 20 GB |\n"
            .to_owned();
        let mut row = |name: &str, dollars: [f64; 3], bold: &str| {
            let cells = dollars.map(|cell| format!("{bold}{cell:.2}{bold}"));
            writeln!(table, "| {bold}{name}{bold} | {} |", cells.join(" | ")).expect("text");
        };
        row("fixed", [price::FIXED; 3], "");
        for (index, (name, dollars)) in names.iter().zip(prices).enumerate() {
            row(name, volumes.map(|of| of[index] * dollars), "");
        }
        let all = volumes.map(|of| of.iter().zip(prices).map(|(volume, of)| volume * of).sum());
        row("together", all.map(|all: f64| all + price::FIXED), "**");
        table
    }

    /// A second of a million calls.
    fn second(&self, action: &str) -> f64 {
        1e6 * self.memory.get(action).unwrap_or(&self.usual_memory) / 1024.0
            * price::LAMBDA_GB_SECOND
    }

    /// The table of a million key checks, by who asks, what is cached and what is logged.
    fn key_checks(&self) -> String {
        let authorize = self.of("authorize-key").together();
        let unlogged = |bytes: f64| authorize - 1e6 * bytes * price::LOG_BYTE;
        let meter = 1e6 * price::WRITE_UNIT + SECONDS_OF_A_WAIT * self.second("authorize-key");
        let rows = [
            ("`authorize-key`, each call checked", authorize),
            ("… with limits, an account with one call a second", authorize + meter),
            ("… with limits, an account with 1,000 a second", authorize + meter / 10.0),
            ("… an authorizer cache that has 9 of 10 calls", authorize * 0.1),
            ("… an authorizer cache that has 99 of 100 calls", authorize * 0.01),
            ("… with `LogLevel=warn`", unlogged(self.counts["authorize-key"].logged)),
            ("… without Lambda's lines (`SystemLogLevel: WARN`)", unlogged(LAMBDAS_LINES)),
            ("`check-key`, by your own gateway", self.of("check-key").together()),
            ("logins", self.login()),
            ("requests of pages that are looked at", self.console()),
        ];
        let mut table = "| what | dollars |\n|---|---:|\n".to_owned();
        for (what, dollars) in rows {
            writeln!(table, "| {what} | {dollars:.2} |").expect("text");
        }
        table
    }

    /// The table of memory sizes: an estimate, from the CPU that the bench found on this side of
    /// AWS, of which a function has a part by its memory.
    fn memory_sizes(&self) -> String {
        let speed: Value = serde_json::from_str(&read("docs/speed/speed.json")).expect("JSON");
        let programs = speed["programs"].as_array().expect("a list");
        let cpu = |name: &str| {
            let program = programs.iter().find(|program| program["name"] == name);
            program.and_then(|program| program["cpu_us"].as_f64()).expect("was measured") / 1e3
        };
        let functions = ["authorize-key", "request-code", "verify-code"];
        let heads = functions.map(|name| format!("`{name}` ms | dollars")).join(" | ");
        let mut table = format!("| MB | {heads} |\n|---:|{}\n", "---:|---:|".repeat(3));
        for megabytes in [128.0, 256.0, 512.0, 1_024.0, ONE_PROCESSOR] {
            let cells = functions.map(|name| {
                let waits = self.counts[name].waits * MILLISECONDS_OF_THE_STORE;
                let taken = waits + cpu(name) * ONE_PROCESSOR / megabytes;
                let billed = taken.ceil() / 1e3 * megabytes / 1024.0;
                format!("{taken:.1} | {:.3}", 1e6 * billed * price::LAMBDA_GB_SECOND)
            });
            writeln!(table, "| {megabytes} | {} |", cells.join(" | ")).expect("text");
        }
        table
    }

    /// `document` with the tables in their places.
    fn write_into(&self, document: &str) -> String {
        let tables = [
            ("costs-of-months", self.months()),
            ("costs-of-checks", self.key_checks()),
            ("costs-of-actions", self.actions()),
            ("costs-of-memory", self.memory_sizes()),
        ];
        tables.iter().fold(document.to_owned(), |text, (name, table)| between(&text, name, table))
    }
}

/// `document` with `table` between the marks of this name.
fn between(document: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (before, rest) = document.split_once(&begin).expect("a mark where the table begins");
    let (_, after) = rest.split_once(&end).expect("a mark where the table ends");
    format!("{before}{begin}{table}{end}{after}")
}

#[test]
fn docs_costs_md_is_computed_from_what_is_measured() {
    let document = read("docs/costs.md");
    let computed = Costs::read().write_into(&document);
    assert!(document == computed, "docs/costs.md differs from what was computed:\n\n{computed}");
}
