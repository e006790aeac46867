//! Values that are right alone and impossible together.

use super::address;
use super::draft::Draft;
use super::fault::Fault;
use super::fill::Ledger;
use super::keys::entry;
use crate::telemetry::settings::TraceProtocol;

/// The first must not be more than the second.
pub(super) const ORDERED: &[(&str, &str, &str)] = &[
    ("kingdee.connect_timeout", "kingdee.attempt_timeout", "connecting is a part of an attempt"),
    ("kingdee.attempt_timeout", "kingdee.call_timeout", "an attempt is a part of a call"),
    ("kingdee.call_timeout", "history.caller_deadline", "nobody is there for an answer that comes later"),
    ("history.stale_patience", "history.caller_deadline", "patience is a part of the wait"),
    ("history.caller_deadline", "http.drain.deadline", "stopping would cut answers under way"),
    ("http.drain.idle", "http.drain.deadline", "idle connections are closed within the drain"),
    ("http.limits.max_uri", "http.limits.max_head", "the target is a part of the head"),
    ("cache.fresh", "cache.fresh_settled", "settled windows change less than open ones"),
    (
        "cache.stale_while_revalidate",
        "cache.stale_if_error",
        "a failing Kingdee must not shorten what is served",
    ),
    ("cache.cooldown_first", "cache.cooldown_max", "pauses grow from the first to the longest"),
    ("kingdee.lane.burst", "kingdee.lane.per_minute", "a burst is a part of a minute's calls"),
    (
        "kingdee.lane.breaker_cooldown",
        "kingdee.lane.breaker_cooldown_max",
        "pauses grow from the first to the longest",
    ),
];

/// Notes every impossible pair. Pairs with a key that is broken anyway are left out.
pub fn check(draft: &mut Draft, ledger: &mut Ledger) {
    for (small, large, why) in ORDERED {
        let closed = *large == "kingdee.lane.per_minute" && draft.kingdee.lane.per_minute == 0;
        if ledger.all_sound(&[small, large]) && !closed && exceeds(small, large, draft) {
            let problem = format!("{}, and {}", told(small, draft, ledger), told(large, draft, ledger));
            let (key, other) = if ledger.is_given(small) { (small, large) } else { (large, small) };
            ledger.faults.push(Fault {
                key: (*key).to_owned(),
                source: ledger.origin(key),
                problem: format!("{problem}: {why}"),
                allowed: format!("{small} at most {large}"),
                fix: format!("Change {key} or {other}."),
            });
        }
    }
    listeners(draft, ledger);
    collector(draft, ledger);
}

fn exceeds(small: &str, large: &str, draft: &mut Draft) -> bool {
    let mut measure = |key| entry(key).and_then(|entry| entry.field.measure(draft));
    matches!((measure(small), measure(large)), (Some(small), Some(large)) if small > large)
}

/// A key with its value and where that came from.
fn told(key: &str, draft: &mut Draft, ledger: &Ledger) -> String {
    let value = entry(key).and_then(|entry| entry.field.show(draft)).unwrap_or_default();
    format!("{key} is {value} ({})", ledger.origin(key))
}

/// Both listeners on one port would share its connections at random: the kernel allows that.
fn listeners(draft: &mut Draft, ledger: &mut Ledger) {
    let (public, admin) = (draft.http.listen, draft.http.admin_listen);
    let overlap = public.ip() == admin.ip() || public.ip().is_unspecified() || admin.ip().is_unspecified();
    if public.port() == 0 || public.port() != admin.port() || !overlap {
        return;
    }
    let keys = ["http.admin_listen", "http.listen"];
    if ledger.all_sound(&keys) {
        let [admin, public] = keys;
        let key = if ledger.is_given(admin) { admin } else { public };
        let problem = format!("{}, and {}", told(admin, draft, ledger), told(public, draft, ledger));
        ledger.faults.push(Fault {
            key: key.to_owned(),
            source: ledger.origin(key),
            problem: format!("{problem}: apps would meet the operators' listener"),
            allowed: format!("different ports for {admin} and {public}, or port 0"),
            fix: format!("Change the port of {admin} or of {public}."),
        });
    }
}

/// gRPC has a path of its own: one that is written down would be ignored, and with it the key that it may be.
fn collector(draft: &mut Draft, ledger: &mut Ledger) {
    let grpc = draft.trace.protocol == TraceProtocol::Grpc;
    let more = draft.trace.endpoint.as_ref().is_some_and(|endpoint| !address::is_bare(endpoint));
    if grpc && more && ledger.all_sound(&["trace.endpoint", "trace.protocol"]) {
        let told = told("trace.protocol", draft, ledger);
        ledger.faults.push(Fault {
            key: "trace.endpoint".to_owned(),
            source: ledger.origin("trace.endpoint"),
            problem: format!("something stands behind host and port, and {told}, which has no use for it"),
            allowed: "with grpc a host and perhaps a port, as in http://127.0.0.1:4317".into(),
            fix: "Remove what stands behind host and port, or change trace.protocol.".into(),
        });
    }
}
