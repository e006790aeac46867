//! What somebody should look at now, and what to do about it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::body::{Attention, Level, up};
use crate::history::standing::{AccountStanding, BreakerStanding, SharedStanding};
use crate::telemetry::LastReload;
use crate::telemetry::faults::Seen;

/// A clock that is this wrong is worth a word; Kingdee takes five minutes.
const SKEW_SECONDS: f64 = 30.0;
/// A fault that was met within this time is going on.
const RECENT: Duration = Duration::from_secs(120);

/// The worst first.
pub(super) fn list(
    accounts: &[AccountStanding],
    shared: Option<SharedStanding>,
    reload: LastReload,
    faults: &[Seen],
    now: Timestamp,
) -> Vec<Attention> {
    let mut list: Vec<_> = accounts.iter().flat_map(of_account).collect();
    list.extend(shared.filter(|tier| !tier.reachable).map(of_lost_tier));
    list.extend(of_reload(reload));
    let recent = |seen: &&Seen| now.duration_since(seen.last).unsigned_abs() <= RECENT;
    let mut by_account: BTreeMap<_, Vec<&Seen>> = BTreeMap::new();
    for seen in faults.iter().filter(recent).filter(|seen| !is_told(seen, &list)) {
        by_account.entry(seen.fault.account.as_deref()).or_default().push(seen);
    }
    list.extend(by_account.into_iter().map(|(account, seen)| of_faults(account, &seen)));
    list.sort_by_key(|attention| attention.level);
    list
}

fn of_reload(last: LastReload) -> Option<Attention> {
    let say = |what: String, advice: &str| {
        Some(Attention { level: Level::Warning, account: None, what, advice: advice.to_owned() })
    };
    match (last.refused, last.pending) {
        (true, _) => say(
            "The configuration as it is written now was refused; the one before stays in force".into(),
            "the log names every fault; so does points-gateway check, and POST /admin/reload",
        ),
        (false, 0) => None,
        (false, keys) => say(
            format!("{keys} keys of the configuration wait for a restart"),
            "POST /admin/reload names them",
        ),
    }
}

fn of_lost_tier(tier: SharedStanding) -> Attention {
    let share = match tier.replicas {
        1 => String::new(),
        replicas => format!(", and keeps to 1/{replicas} of each quota"),
    };
    Attention {
        level: Level::Warning,
        account: None,
        what: format!("The shared tier can't be reached: this replica goes on alone{share}"),
        advice: "check the Redis behind shared.url and the way there; nothing else needs doing".into(),
    }
}

fn of_account(account: &AccountStanding) -> Vec<Attention> {
    let mut list = Vec::new();
    let mut say = |level, what: String, advice: &str| {
        list.push(Attention { level, account: Some(account.name.clone()), what, advice: advice.to_owned() });
    };
    if let Some((times, fault)) = &account.token_trouble {
        let level = if account.token.is_some() { Level::Warning } else { Level::Critical };
        let code = fault.errcode.map(|code| format!(", errcode {code}")).unwrap_or_default();
        let times = if *times == 1 { String::new() } else { format!(", {times} times in a row") };
        let what = format!("No new token could be had{times} ({}{code})", fault.class);
        say(level, what, fault.advice);
    }
    match account.breaker {
        BreakerStanding::Closed => {}
        BreakerStanding::Open(probe) => say(
            Level::Critical,
            format!("Most calls failed: none is made for another {} s", up(probe)),
            "rows in memory are served meanwhile; the faults below say why calls fail",
        ),
        BreakerStanding::HalfOpen => say(
            Level::Critical,
            "Most calls failed: the next one finds out whether Kingdee answers again".into(),
            "rows in memory are served meanwhile; the faults below say why calls fail",
        ),
    }
    let lane = &account.lane;
    if lane.per_minute == 0 {
        say(Level::Warning, "The lane is closed: no call is made".into(), "raise kingdee.lane.per_minute");
    } else if !lane.paused.is_zero() {
        let what = format!("Kingdee asked for a pause of another {} s", up(lane.paused));
        say(Level::Warning, what, "the gateway keeps to it; if this lasts, something else uses the quota");
    } else if lane.rate_factor < 1.0 {
        let what = format!("Kingdee throttles: the rate is at {:.0} %", lane.rate_factor * 100.0);
        say(
            Level::Warning,
            what,
            "it recovers within a minute; if this lasts, something else uses the quota",
        );
    }
    if lane.waiting.0 > 0 && lane.waiting.0 >= lane.waiting.1 / 2 {
        let what = format!("{} calls wait for their turn, {} may", lane.waiting.0, lane.waiting.1);
        say(
            Level::Warning,
            what,
            "misses come faster than the quota allows: raise cache.fresh or kingdee.lane.per_minute",
        );
    }
    if account.skew_seconds.abs() >= SKEW_SECONDS {
        let side = if account.skew_seconds > 0.0 { "behind" } else { "ahead" };
        let what = format!("This machine's clock is {:.0} s {side}", account.skew_seconds.abs());
        say(
            Level::Warning,
            what,
            "set it, or let NTP do so; until then calls are signed with Kingdee's time",
        );
    }
    list
}

/// Whether something else in `told` is about this fault.
fn is_told(seen: &Seen, told: &[Attention]) -> bool {
    told.iter().any(|other| other.account == seen.fault.account && other.advice == seen.fault.advice)
}

/// Faults of one account set that are going on.
fn of_faults(account: Option<&str>, seen: &[&Seen]) -> Attention {
    let each = seen.iter().map(|seen| {
        let code = seen.fault.errcode.map(|code| format!(" {code}")).unwrap_or_default();
        format!("{}{code} ×{}", seen.fault.class, seen.times)
    });
    let advice = match seen {
        [only] => only.fault.advice,
        _ => "what to do about each is said below",
    };
    Attention {
        level: Level::Warning,
        account: account.map(str::to_owned),
        what: format!("Faults within the last two minutes: {}", each.collect::<Vec<_>>().join(", ")),
        advice: advice.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::standing::{Ended, LaneStanding};
    use crate::telemetry::faults::Fault;

    fn good() -> AccountStanding {
        let lane = LaneStanding {
            per_minute: 450,
            rate_factor: 1.0,
            tokens: 45,
            waiting: (0, 256),
            under_way: (0, 16),
            paused: Duration::ZERO,
        };
        AccountStanding {
            name: "main".into(),
            time_zone: "Asia/Shanghai".into(),
            pulled: true,
            token: None,
            token_trouble: None,
            lane,
            breaker: BreakerStanding::Closed,
            skew_seconds: 0.0,
            calls: Ended::default(),
            attempts: Ended::default(),
        }
    }

    fn fault() -> Fault {
        Fault {
            account: Some("main".into()),
            class: "configuration",
            errcode: Some(4012),
            status: None,
            detail: String::new(),
            advice: "see the console",
        }
    }

    fn said(account: AccountStanding) -> Vec<(Level, String)> {
        list(&[account], None, LastReload::default(), &[], Timestamp::UNIX_EPOCH)
            .into_iter()
            .map(|a| (a.level, a.what))
            .collect()
    }

    #[test]
    fn a_good_day_needs_nobody() {
        assert_eq!(said(good()), []);
        let waiting = LaneStanding { waiting: (0, 0), ..good().lane };
        assert_eq!(said(AccountStanding { lane: waiting, ..good() }), []);
    }

    #[test]
    fn every_bad_standing_is_told_the_worst_first() {
        let lane = LaneStanding { rate_factor: 0.5, waiting: (200, 256), ..good().lane };
        let bad = AccountStanding {
            token_trouble: Some((3, fault())),
            breaker: BreakerStanding::Open(Duration::from_millis(1500)),
            skew_seconds: -400.0,
            lane,
            ..good()
        };
        let said = said(bad);
        let found = |level, text: &str| said.iter().any(|(l, what)| *l == level && what.contains(text));
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(found(Level::Critical, "3 times in a row (configuration, errcode 4012)"), "{said:?}");
        assert!(found(Level::Critical, "another 2 s"), "{said:?}");
        let once = super::of_account(&AccountStanding { token_trouble: Some((1, fault())), ..good() });
        assert_eq!(once[0].what, "No new token could be had (configuration, errcode 4012)");
        for text in ["50 %", "200 calls wait", "400 s ahead"] {
            assert!(found(Level::Warning, text), "{text}: {said:?}");
        }
        assert!(said.is_sorted_by_key(|(level, _)| *level));
    }

    #[test]
    fn a_lost_tier_is_told_with_what_it_costs() {
        let tier = SharedStanding { reachable: true, replicas: 3, hits: 0, misses: 0, stored: 0, errors: 0 };
        assert_eq!(list(&[], Some(tier), LastReload::default(), &[], Timestamp::UNIX_EPOCH), []);
        let lost = list(
            &[],
            Some(SharedStanding { reachable: false, ..tier }),
            LastReload::default(),
            &[],
            Timestamp::UNIX_EPOCH,
        );
        assert!(lost.len() == 1 && lost[0].what.contains("1/3 of each quota"), "{lost:?}");
    }

    #[test]
    fn a_fault_counts_while_it_is_recent() {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let seen = |seconds| {
            let at = now - jiff::SignedDuration::from_secs(seconds);
            Seen { fault: fault(), first: at, last: at, times: 1 }
        };
        assert_eq!(list(&[], None, LastReload::default(), &[seen(120)], now).len(), 1);
        assert_eq!(list(&[], None, LastReload::default(), &[seen(121)], now), []);
        let both = list(
            &[],
            None,
            LastReload::default(),
            &[seen(1), Seen { fault: Fault { class: "lane", ..fault() }, ..seen(0) }],
            now,
        );
        assert_eq!(both.len(), 1, "one line for each account set: {both:?}");
        assert!(both[0].what.contains("configuration 4012 ×1") && both[0].what.contains("lane"), "{both:?}");
        let troubled = AccountStanding { token_trouble: Some((1, fault())), ..good() };
        assert_eq!(
            list(&[troubled], None, LastReload::default(), &[seen(0)], now).len(),
            1,
            "one cause is told once"
        );
    }
}
