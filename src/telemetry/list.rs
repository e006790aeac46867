//! The one list of every metric. The registry, `docs/metrics.md`, the dashboard and the alerts are fed from it or
//! compared with it, so a metric that is not here does not exist.

use super::metric::{Kind, Metric, Unit};

macro_rules! list {
    ($($group:literal { $($id:ident: $kind:ident, $unit:ident, $name:literal, [$($label:literal),*], $help:literal;)* })*) => {
        $($(
            #[doc = $help]
            pub const $id: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                unit: Unit::$unit,
                labels: &[$($label),*],
                help: $help,
                group: $group,
            };
        )*)*
        /// Every metric, in the order in which they are documented.
        pub const ALL: &[&Metric] = &[$($(&$id),*),*];
    };
}

list! {
    "Users" {
        HTTP_REQUESTS: Counter, Number, "points_gateway_http_requests_total", ["route", "status", "outcome"],
            "Requests answered on the public listener";
        HTTP_DURATION: Histogram, Seconds, "points_gateway_http_request_duration_seconds", ["outcome"],
            "Time from a request's head to its answer's head";
        SERVED_AGE: Histogram, Seconds, "points_gateway_served_age_seconds", ["account", "freshness"],
            "Age of the rows when they were served, once for each page";
        STALE_SERVED: Counter, Number, "points_gateway_stale_served_total", ["account", "reason"],
            "Pages served from rows whose fresh time was over";
        HTTP_CONNECTIONS: Gauge, Number, "points_gateway_http_connections", [],
            "Connections open now, both listeners";
        HTTP_CONNECTIONS_CUT: Counter, Number, "points_gateway_http_connections_cut_total", [],
            "Connections cut at the drain's deadline";
        HTTP_ACCEPT_FAULTS: Counter, Number, "points_gateway_http_accept_faults_total", ["reason"],
            "Connections that could not be accepted";
    }
    "Cache" {
        CACHE_ENTRIES: Gauge, Number, "points_gateway_cache_entries", [], "Ledger chunks in memory";
        CACHE_BYTES: Gauge, Bytes, "points_gateway_cache_bytes", [], "Bytes that ledger chunks take";
        CACHE_CAPACITY: Gauge, Bytes, "points_gateway_cache_capacity_bytes", [],
            "Bytes that ledger chunks may take (cache.capacity)";
        CACHE_EVICTIONS: Counter, Number, "points_gateway_cache_evictions_total", [],
            "Ledger chunks that left memory for want of room";
        COALESCED: Counter, Number, "points_gateway_coalesced_total", [],
            "Callers that joined somebody else's fetch";
        FETCHES_UNDER_WAY: Gauge, Number, "points_gateway_fetches_under_way", [],
            "Fetches under way, one for each chunk";
        FETCHES_FAILED: Counter, Number, "points_gateway_fetches_failed_total", [],
            "Fetches that ended in an error";
    }
    "Shared tier" {
        SHARED_UP: Gauge, Number, "points_gateway_shared_up", [],
            "1 while the shared tier answers; like all of its group only where shared.url is set";
        SHARED_LOOKUPS: Counter, Number, "points_gateway_shared_lookups_total", ["result"],
            "Chunks looked for in the shared tier";
        SHARED_STORED: Counter, Number, "points_gateway_shared_stored_total", [], "Chunks put into the shared tier";
        SHARED_COALESCED: Counter, Number, "points_gateway_shared_coalesced_total", [],
            "Fetches that waited for another replica's and got its rows";
        SHARED_PURGES: Counter, Number, "points_gateway_shared_purges_heard_total", [],
            "Purges heard of from other replicas";
        SHARED_UNREADABLE: Counter, Number, "points_gateway_shared_unreadable_total", [],
            "Records of the shared tier that could not be opened or believed";
        SHARED_ERRORS: Counter, Number, "points_gateway_shared_errors_total", [],
            "Commands to the shared tier that failed or took too long";
        SHARED_BREAKS: Counter, Number, "points_gateway_shared_breaks_total", [],
            "Times that the way to the shared tier broke down";
    }
    "Kingdee" {
        UPSTREAM_CALLS: Counter, Number, "points_gateway_upstream_calls_total", ["account", "class"],
            "Calls for records by how they ended, whether anything was sent for them or not";
        UPSTREAM_ATTEMPTS: Counter, Number, "points_gateway_upstream_attempts_total", ["account", "class"],
            "Attempts sent to Kingdee for records by how they ended, retries included";
        UPSTREAM_DURATION: Histogram, Seconds, "points_gateway_upstream_attempt_duration_seconds", ["account"],
            "Time that an attempt took, whatever came of it";
        LANE_WAIT: Histogram, Seconds, "points_gateway_lane_wait_seconds", ["account"],
            "Time that an attempt waited for its turn in the lane";
        LANE_WAITING: Gauge, Number, "points_gateway_lane_waiting", ["account"], "Calls that wait for their turn";
        LANE_UNDER_WAY: Gauge, Number, "points_gateway_lane_under_way", ["account"],
            "Calls to Kingdee under way";
        LANE_TOKENS: Gauge, Number, "points_gateway_lane_tokens", ["account"],
            "Calls that could begin at once";
        LANE_RATE: Gauge, Ratio, "points_gateway_lane_rate_ratio", ["account"],
            "Share of the configured rate in use, less than 1 after Kingdee refused for want of quota";
        LANE_PAUSED: Gauge, Seconds, "points_gateway_lane_paused_seconds", ["account"],
            "Time for which Kingdee's Retry-After still holds everybody";
        RETRIES_SAVED: Gauge, Number, "points_gateway_retries_saved", ["account"],
            "Whole retries that the budget has saved up";
        BREAKER_OPEN: Gauge, Number, "points_gateway_breaker_open", ["account"],
            "1 while calls are kept back since most of them fail, until a probe succeeds";
        CLOCK_SKEW: Gauge, Seconds, "points_gateway_clock_skew_seconds", ["account"],
            "Kingdee's clock minus ours, as applied; 0 while Kingdee takes our timestamps";
        FOREIGN_ROWS: Counter, Number, "points_gateway_foreign_rows_total", ["account"],
            "Rows of another member than the one asked for, dropped";
        ODD_ROWS: Counter, Number, "points_gateway_odd_rows_total", ["account"],
            "Rows whose balances don't add up, passed on as they came";
    }
    "Credentials" {
        TOKEN_AGE: Gauge, Seconds, "points_gateway_token_age_seconds", ["account"],
            "Time since the token was asked for; no series while there is none";
        TOKEN_LIFE: Gauge, Seconds, "points_gateway_token_life_seconds", ["account"],
            "Time until the token is no longer sent, 0 while there is none";
        TOKEN_CALLS: Counter, Number, "points_gateway_token_calls_total", ["account", "class"],
            "Calls for a new token by how they ended";
        AUTHORIZATION_PULLS: Counter, Number, "points_gateway_authorization_pulls_total", ["account", "class"],
            "Calls for the authorisation (app key, app secret, router domain) by how they ended";
    }
    "Logs and traces" {
        LOG_DROPPED: Counter, Number, "points_gateway_log_dropped_total", [],
            "Log lines, or batches of them, that found no room";
        TRACE_EXPORTED: Counter, Number, "points_gateway_trace_spans_exported_total", [],
            "Spans that the collector took";
        TRACE_DROPPED: Counter, Number, "points_gateway_trace_spans_dropped_total", ["reason"],
            "Spans that got lost";
    }
    "Configuration" {
        CONFIG_RELOADS: Counter, Number, "points_gateway_config_reloads_total", ["result"],
            "Configurations read again while serving";
        CONFIG_SUCCESSFUL: Gauge, Number, "points_gateway_config_last_reload_successful", [],
            "1 while the configuration last read is in force, 0 after it was refused";
        CONFIG_SINCE: Gauge, Seconds, "points_gateway_config_last_reload_success_timestamp_seconds", [],
            "When a configuration was last taken over, at the start or later, since 1970";
        CONFIG_PENDING: Gauge, Number, "points_gateway_config_restart_pending_keys", [],
            "Keys whose new value waits for a restart";
    }
    "Process" {
        BUILD: Info, Number, "points_gateway_build_info", ["version"], "What runs here";
        START: Gauge, Seconds, "process_start_time_seconds", [], "When the process started, since 1970";
        CPU: Counter, Seconds, "process_cpu_seconds_total", [], "Processor time used, user and system";
        RESIDENT: Gauge, Bytes, "process_resident_memory_bytes", [], "Resident memory";
        OPEN_FDS: Gauge, Number, "process_open_fds", [], "File descriptors open";
        MAX_FDS: Gauge, Number, "process_max_fds", [], "File descriptors that may be open";
    }
}

/// What each label holds.
pub const LABELS: &[(&str, &str)] = &[
    ("account", "account set (账套), by its name in the configuration"),
    (
        "class",
        "`ok`, or the class of a failure: `configuration`, `clock`, `token`, `secret`, `router`, `throttled`, `upstream`, `unreachable`, `timeout`, `unreadable`, `caller`, `lane`",
    ),
    ("freshness", "which fresh time applies to the rows: `open`, `settled`, `empty`"),
    (
        "outcome",
        "where the rows came from (`hit`, `miss`, `expired`, `forced`, `collapsed`, `in-vain`, `stale`), or the kind of problem as in `/problems`, or `hung-up` (the caller did, before the answer), or `none`",
    ),
    (
        "reason",
        "why rows are stale (`revalidating`, `upstream-slow`, `upstream-failing`, `count-differs`), why a connection was not accepted (`exhausted`, `peer-gone`), or why a span was lost (`queue-full`, `undelivered`, `rejected`)",
    ),
    (
        "result",
        "what came of a look (`hit`, which is found and used, or `miss`), or of a configuration that was read again (`applied`, `refused`)",
    ),
    ("route", "template of the route, never a path; `none` where there is no route"),
    ("status", "HTTP status; 499 where the caller hung up before the answer"),
    ("version", "version of the gateway"),
];

/// The metric with this name, or the histogram that a series of this name belongs to.
pub fn find(name: &str) -> Option<&'static Metric> {
    let part_of = |m: &Metric| {
        let parts = ["_bucket", "_sum", "_count"];
        m.kind == Kind::Histogram && parts.iter().any(|part| name.strip_suffix(part) == Some(m.name))
    };
    ALL.iter().copied().find(|m| m.name == name || part_of(m))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        for metric in ALL {
            let name = metric.name.strip_suffix("_total");
            assert_eq!(name.is_some(), metric.kind == Kind::Counter, "{}", metric.name);
            let name = name.unwrap_or(metric.name);
            assert_eq!(name.ends_with("_info"), metric.kind == Kind::Info, "{name}");
            let said = ["seconds", "bytes", "ratio"].into_iter().find(|u| name.ends_with(&format!("_{u}")));
            assert_eq!(said.unwrap_or(""), metric.unit.label(), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert!(!metric.help.ends_with('.') && !metric.help.contains('\n'), "{name}");
        }
        let names: BTreeSet<_> = ALL.iter().map(|m| m.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn every_label_is_explained_and_used() {
        let used: BTreeSet<_> = ALL.iter().flat_map(|m| m.labels).copied().collect();
        let explained: BTreeSet<_> = LABELS.iter().map(|(label, _)| *label).collect();
        assert_eq!(used, explained);
    }

    #[test]
    fn a_histogram_is_found_by_its_series() {
        assert_eq!(find("points_gateway_served_age_seconds_bucket"), Some(&SERVED_AGE));
        assert_eq!(find("points_gateway_http_requests_total"), Some(&HTTP_REQUESTS));
        assert_eq!(find("points_gateway_http_requests"), None);
        assert_eq!(find("points_gateway_cache_bytes_sum"), None);
    }
}
