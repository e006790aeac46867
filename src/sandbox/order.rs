//! What may be ordered on the admin port, and within which bounds.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::calls::Endpoint;
use super::control::Control;
use super::credentials::FormerDomain;
use super::fault::Fault;
use super::latency::{Latency, MOST_MS};
use super::ledger::MOST_INSERTED;
use super::members::FLAGSHIP;
use super::readings::Change;
use super::schedule::{Job, LONGEST_PERIOD};

/// Most answers that `times` spoils.
const MOST_TIMES: u64 = 1_000_000;
/// Furthest that the platform's clock goes wrong: 50 years.
const FURTHEST_SECONDS: i64 = 50 * 365 * 24 * 60 * 60;

/// An order; a field that is not there changes nothing, and of a wrong order nothing is done.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Order {
    /// Which endpoint `fault` and `latency` are for; `record` if not said.
    endpoint: Option<Endpoint>,
    /// A fault to switch on.
    fault: Option<Fault>,
    /// How many answers it spoils; all if neither this nor `percent` is said.
    times: Option<u64>,
    /// About how many of a hundred answers it spoils.
    percent: Option<u8>,
    /// Which ones those are.
    seed: Option<u64>,
    latency: Option<Latency>,
    /// How wrong the platform's clock is.
    clock_offset_seconds: Option<i64>,
    every: Option<Repetition>,
    /// How long an idle connection lives; 0 is for ever.
    idle_timeout_seconds: Option<u64>,
    rotate_app_secret: bool,
    move_domain: Option<FormerDomain>,
    expire_tokens: bool,
    forget_tokens: bool,
    insert_rows: Option<Insertion>,
    /// Rows inserted after each answer of integral_record; 0 ends it.
    grow_while_paging: Option<u64>,
    /// What the documents leave open.
    readings: Option<Change>,
}

/// A job to repeat.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Repetition {
    /// What to do.
    pub job: Job,
    /// How often; 0 ends it.
    pub seconds: u64,
}

/// Rows to put on top of a member's ledger.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Insertion {
    /// accountId; the first account set if not said.
    account: Option<String>,
    member: String,
    rows: u64,
}

impl Order {
    /// Does all of it, or nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn obey(self, control: &Control) -> Result<(), String> {
        self.check()?;
        if let Some(Insertion { account, member, rows }) = &self.insert_rows
            && !control.insert_rows_in(account.as_deref().unwrap_or(FLAGSHIP), member, *rows)
        {
            return Err("insert_rows: no such member in this account set".to_owned());
        }
        let endpoint = self.endpoint.unwrap_or(Endpoint::Record);
        match (self.fault, self.times, self.percent) {
            (Some(fault), Some(times), _) => control.fail_next(endpoint, fault, times),
            (Some(fault), None, Some(percent)) => {
                control.fail_some(endpoint, fault, percent, self.seed.unwrap_or(0));
            }
            (Some(fault), None, None) => control.fail(endpoint, Some(fault)),
            (None, ..) => {}
        }
        if let Some(latency) = self.latency {
            control.slow_down(endpoint, Some(latency).filter(|latency| *latency != Latency::FixedMs(0)));
        }
        if let Some(seconds) = self.clock_offset_seconds {
            control.set_clock_offset(SignedDuration::from_secs(seconds));
        }
        let some = |seconds: u64| (seconds > 0).then(|| Duration::from_secs(seconds));
        if let Some(Repetition { job, seconds }) = self.every {
            control.every(job, some(seconds));
        }
        if let Some(seconds) = self.idle_timeout_seconds {
            control.set_idle_timeout(some(seconds));
        }
        if let Some(rows) = self.grow_while_paging {
            control.grow_while_paging(rows);
        }
        if let Some(change) = self.readings {
            control.read_as(change.of(control.readings()));
        }
        if self.rotate_app_secret {
            control.rotate_app_secret();
        }
        if let Some(former) = self.move_domain {
            control.move_domain_leaving(former);
        }
        if self.expire_tokens {
            control.expire_tokens();
        }
        if self.forget_tokens {
            control.forget_tokens();
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let day = LONGEST_PERIOD.as_secs();
        let rows = self.insert_rows.as_ref().map(|insertion| insertion.rows).max(self.grow_while_paging);
        let wrong = [
            (self.fault.is_none() && (self.times.is_some() || self.percent.is_some()))
                .then(|| "times and percent: of which fault?".to_owned()),
            (self.times.is_some() && self.percent.is_some()).then(|| "times or percent, not both".to_owned()),
            (self.seed.is_some() && self.percent.is_none()).then(|| "seed: only with percent".to_owned()),
            (!self.times.is_none_or(|times| (1..=MOST_TIMES).contains(&times)))
                .then(|| format!("times: from 1 to {MOST_TIMES}")),
            (!self.percent.is_none_or(|percent| (1..=100).contains(&percent)))
                .then(|| "percent: from 1 to 100".to_owned()),
            (self.clock_offset_seconds.is_some_and(|s| s.unsigned_abs() > FURTHEST_SECONDS.unsigned_abs()))
                .then(|| format!("clock_offset_seconds: at most {FURTHEST_SECONDS}, before or after")),
            self.every
                .as_ref()
                .is_some_and(|every| every.seconds > day)
                .then(|| format!("every: at most {day} seconds")),
            self.idle_timeout_seconds
                .is_some_and(|seconds| seconds > day)
                .then(|| format!("idle_timeout_seconds: at most {day}")),
            rows.is_some_and(|rows| rows > MOST_INSERTED).then(|| format!("rows: at most {MOST_INSERTED}")),
            self.fault.as_ref().and_then(Fault::fault),
            self.latency.as_ref().and_then(Latency::fault),
            self.readings.as_ref().and_then(Change::fault),
        ];
        let wrong: Vec<String> = wrong.into_iter().flatten().collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }
}

/// What may be ordered, by example: every fault, and every field with its bounds.
pub fn allowed() -> Value {
    json!({
        "fault": [
            "html", "empty", "truncated", "reset", "reset_mid_body", "hang", "hang_mid_body", "drip", "endless",
            "duplicate_keys", "bom", "wrong_charset", "wrong_types", "foreign_rows", "count_off", "count_drifts",
            { "code": 4012 },
            { "errcode": { "status": 519, "errcode": 5007, "text": "overload" } },
            { "status": 503 },
            { "throttled": { "retry_after": 7 } },
            { "throttled": {} },
            { "retry_after": "Fri, 31 Dec 9999 23:59:59 GMT" },
            { "redirect": "http://127.0.0.1:1/" },
            { "gzip_bomb": 4096 }, { "nested": 100_000 }, { "many_rows": 1_000_000 },
        ],
        "endpoint": ["record", "token", "authorize"],
        "times": [1, MOST_TIMES],
        "percent": [1, 100],
        "seed": [0, u64::MAX],
        "latency": [
            { "fixed_ms": MOST_MS },
            { "pareto": { "least_ms": 20, "shape": 1.2, "most_ms": 5_000, "seed": 1 } },
        ],
        "clock_offset_seconds": [-FURTHEST_SECONDS, FURTHEST_SECONDS],
        "every": [
            { "job": "expire_tokens", "seconds": 60 },
            { "job": "rotate_app_secret", "seconds": 300 },
            { "job": "move_domain", "seconds": 0 },
        ],
        "idle_timeout_seconds": [0, 5, LONGEST_PERIOD.as_secs()],
        "rotate_app_secret": [true],
        "move_domain": ["bad_gateway", "no_route"],
        "expire_tokens": [true],
        "forget_tokens": [true],
        "insert_rows": [{ "member": "1003", "rows": 1 }],
        "grow_while_paging": [0, 1, MOST_INSERTED],
        "readings": [
            { "space": "any" }, { "space": "form_only" }, { "space": "percent_only" },
            { "order": "newest_first" }, { "order": "oldest_first" }, { "order": "unsorted" },
            { "start": "exclusive", "end": "inclusive" }, { "start": "inclusive", "end": "exclusive" },
            { "filter_hours_behind": 8 }, { "page_size_cap": 50 },
            { "unknown_member": "empty" }, { "unknown_member": "refused" }, { "unknown_member": "everybody" },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(order: &Value) -> Result<Order, String> {
        serde_json::from_value::<Order>(order.clone()).map_err(|error| error.to_string())
    }

    /// The names in serde's "expected one of".
    fn expected(error: &str) -> Vec<String> {
        let names = error.split_once("expected one of ").unwrap().1;
        names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn what_is_said_to_be_allowed_is_allowed_and_complete() {
        let allowed = allowed();
        let fields = allowed.as_object().unwrap();
        for (name, examples) in fields {
            for example in examples.as_array().unwrap() {
                let mut order = json!({ name: example });
                if ["times", "percent", "seed"].contains(&name.as_str()) {
                    order["fault"] = json!("html");
                }
                if name == "seed" {
                    order["percent"] = json!(1);
                }
                let read = read(&order).and_then(|order| order.check());
                assert_eq!(read, Ok(()), "{order}");
            }
        }
        let mut all = expected(&read(&json!({ "no": 1 })).unwrap_err());
        all.sort();
        assert_eq!(all, fields.keys().cloned().collect::<Vec<_>>());
        for name in expected(&read(&json!({ "fault": "no" })).unwrap_err()) {
            let shown = |fault: &Value| fault == &json!(name) || fault.get(&name).is_some();
            assert!(allowed["fault"].as_array().unwrap().iter().any(shown), "{name}");
        }
    }

    #[test]
    fn everything_out_of_bounds_is_named_at_once() {
        let order = json!({
            "fault": { "status": 42 }, "times": 0, "percent": 101, "latency": { "fixed_ms": 600_001 },
            "clock_offset_seconds": i64::MIN, "every": { "job": "move_domain", "seconds": 86_401 },
            "idle_timeout_seconds": 86_401, "grow_while_paging": 1_000_001, "readings": { "page_size_cap": 0 },
        });
        let wrong = read(&order).unwrap().check().unwrap_err();
        for name in [
            "status",
            "times",
            "percent",
            "fixed_ms",
            "clock_offset",
            "every",
            "idle",
            "rows",
            "both",
            "page_size_cap",
        ] {
            assert!(wrong.contains(name), "{name}: {wrong}");
        }
        for order in [json!({ "times": 1 }), json!({ "fault": "html", "seed": 1 })] {
            assert!(read(&order).unwrap().check().is_err(), "{order}");
        }
    }
}
