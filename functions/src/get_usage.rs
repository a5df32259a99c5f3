//! `GET /api/usage`: what is used of the account's limits.

use domain::Month;
use edge::http::{Answer, Call};
use edge::{App, Problem, UtcTime};
use serde::Serialize;

#[derive(Serialize)]
struct Usage {
    month: String,
    calls: Option<u64>,
    per_month: Option<u64>,
    per_minute: Option<u32>,
    burst: Option<u32>,
    resets_at: Option<UtcTime>,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    let now = app.clock.now();
    let (caller, meter) = app.store.find_usage(&token, now).await?;
    let month = Month::of(now);
    let limits = caller.account.plan.limits;
    let taken = meter.map_or(0, |meter| meter.calls_in(month));
    let calls = limits.map(|_| taken);
    let limits = limits.unwrap_or_default();
    Ok(Answer::ok(&Usage {
        month: month.to_string(),
        calls,
        per_month: limits.per_month,
        per_minute: limits.per_minute(),
        burst: limits.burst(),
        resets_at: limits.per_month.map(|_| month.ends_at().into()),
    })
    .for_account(&token.account))
}
