//! The way to Kingdee: name, connection, TLS, clock.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use url::Host;

use super::check::Check;
use super::desk::Desk;
use super::report::{Finding, Report, Verdict};
use super::{Progress, seconds};
use crate::kingdee::reply::Reply;
use crate::kingdee::{Failure, KingdeeError};

/// Kingdee refuses signatures that are further off.
pub const REFUSED: SignedDuration = SignedDuration::from_secs(300);
/// Long before signatures fail, somebody should look at the clock.
const SUSPICIOUS: SignedDuration = SignedDuration::from_secs(60);
/// How long a name may take to be found.
const NAME_PATIENCE: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;

/// Walks to Kingdee. Gives Kingdee's clock minus ours (zero where it shows none), or nothing where the way is barred.
pub async fn examine(desk: &Desk<'_>, report: &mut Report, progress: &Progress) -> Option<SignedDuration> {
    progress.send_replace(Some(Check::Dns));
    let addresses = take(report, addresses(desk).await)?;
    progress.send_replace(Some(Check::Tcp));
    take(report, connection(desk, &addresses).await)?;
    progress.send_replace(Some(Check::Tls));
    let before = desk.clock.now();
    let reply = take(report, knock(desk).await)?;
    let (finding, skew) = clock(&reply, before, desk.clock.now());
    report.add(finding);
    Some(skew)
}

/// Adds the finding, goes on with what came of it.
fn take<T>(report: &mut Report, (finding, came): (Finding, Option<T>)) -> Option<T> {
    report.add(finding);
    came
}

async fn addresses(desk: &Desk<'_>) -> (Finding, Option<Vec<SocketAddr>>) {
    let begun = Instant::now();
    let url = &desk.settings.base_url;
    let port = url.port_or_known_default().unwrap_or(443);
    let found = |text: String, addresses| {
        (Finding::new(Check::Dns, Verdict::Ok, begun.elapsed(), text), Some(addresses))
    };
    let name = match url.host() {
        Some(Host::Ipv4(ip)) => return found(format!("{ip} is an address"), vec![(ip, port).into()]),
        Some(Host::Ipv6(ip)) => return found(format!("{ip} is an address"), vec![(ip, port).into()]),
        Some(Host::Domain(name)) => name,
        None => "",
    };
    let why = match timeout(NAME_PATIENCE, lookup_host((name, port))).await {
        Ok(Ok(list)) => {
            let list: Vec<SocketAddr> = list.take(MOST_ADDRESSES).collect();
            if let Some(first) = list.first() {
                let more =
                    if list.len() > 1 { format!(" and {} more", list.len() - 1) } else { String::new() };
                return found(format!("{name} is {}{more}", first.ip()), list);
            }
            "it has no address".to_owned()
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {NAME_PATIENCE:?}"),
    };
    let finding =
        Finding::new(Check::Dns, Verdict::Fault, begun.elapsed(), format!("{name} is not found: {why}"));
    let cure = "check the name in kingdee.base_url, and that this machine (or container) has a network and a name \
                server that answers";
    (finding.to_do(cure), None)
}

async fn connection(desk: &Desk<'_>, addresses: &[SocketAddr]) -> (Finding, Option<()>) {
    let begun = Instant::now();
    let patience = desk.settings.transport.connect_timeout;
    let mut last = io::Error::from(ErrorKind::NotFound);
    for address in addresses {
        match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {
                let finding =
                    Finding::new(Check::Tcp, Verdict::Ok, begun.elapsed(), format!("{address} takes it"));
                return (finding, Some(()));
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = ErrorKind::TimedOut.into(),
        }
    }
    let place = addresses.first().map_or_else(String::new, ToString::to_string);
    let (what, cure) = match last.kind() {
        ErrorKind::ConnectionRefused => (
            format!("{place} refuses connections"),
            "nothing listens there, or a firewall rejects it: check host and port in kingdee.base_url".to_owned(),
        ),
        ErrorKind::TimedOut => (
            format!("{place} doesn't answer within {patience:?}"),
            "a firewall drops it most likely: allow this machine to connect there (the gateway uses no proxy), or \
             raise kingdee.connect_timeout on a slow line"
                .to_owned(),
        ),
        _ => (
            format!("{place} can't be reached: {last}"),
            "check this machine's network and routes; the gateway uses no proxy".to_owned(),
        ),
    };
    (Finding::new(Check::Tcp, Verdict::Fault, begun.elapsed(), what).to_do(cure), None)
}

async fn knock(desk: &Desk<'_>) -> (Finding, Option<Reply>) {
    let begun = Instant::now();
    match desk.transport.knock(desk.deadline()).await {
        Ok(reply) => {
            let how = match desk.settings.base_url.scheme() {
                "https" => "the certificate is good",
                _ => "none, plain http on this machine",
            };
            let said = format!("{how}; an unsigned question gets HTTP {}", reply.status.as_u16());
            (Finding::new(Check::Tls, Verdict::Ok, begun.elapsed(), said), Some(reply))
        }
        Err(error) => {
            let cure = about_tls(&error);
            // What stands before it says only that a connection was to be made.
            let why = error.detail.rsplit("(Connect): ").next().unwrap_or_default().to_owned();
            let finding = Finding::new(Check::Tls, Verdict::Fault, begun.elapsed(), why);
            (finding.to_do(cure), None)
        }
    }
}

fn about_tls(error: &KingdeeError) -> &'static str {
    let says = |word: &str| error.detail.contains(word);
    match () {
        () if says("Expired") || says("expired") || says("NotValidYet") || says("not valid yet") => {
            "the certificate is not valid at this machine's time: set the clock; if the clock is right, something \
             between here and Kingdee shows an old certificate"
        }
        () if says("certificate") => {
            "the certificate is not Kingdee's, or this machine doesn't know who signed it: install root certificates \
             (Debian: ca-certificates), or those of the proxy that opens TLS on the way; check kingdee.base_url"
        }
        () if says("InvalidContentType") || says("corrupt message") => {
            "no TLS is spoken there: check scheme and port in kingdee.base_url"
        }
        () if error.failure == Failure::TimedOut => {
            "a connection is taken but nothing comes back: ask whether a firewall or a proxy holds it"
        }
        () => "it is no web server of Kingdee's that answers: check host and port in kingdee.base_url",
    }
}

/// The clock against the answer's `Date`, which has whole seconds: half a second is added, and the answer's own way is
/// halved.
fn clock(reply: &Reply, before: Timestamp, after: Timestamp) -> (Finding, SignedDuration) {
    let took = Duration::ZERO; // it was in the answer already
    let Some(date) = reply.date else {
        let finding = Finding::new(Check::Clock, Verdict::Unknown, took, "the answer shows no time");
        return (
            finding.to_do("make sure that this machine's clock is kept right (NTP)"),
            SignedDuration::ZERO,
        );
    };
    let ours = before.checked_add(after.duration_since(before) / 2).unwrap_or(before);
    let skew = date.duration_since(ours).saturating_add(SignedDuration::from_millis(500));
    let whole = Timestamp::from_second(ours.as_second()).unwrap_or(ours);
    let apart = match (seconds(skew), skew.is_negative()) {
        (0, _) => "together".to_owned(),
        (seconds, true) => format!("{seconds} s ahead"),
        (seconds, false) => format!("{seconds} s behind"),
    };
    let said = format!("this machine {whole}, Kingdee {date}: {apart}");
    let cure = "set this machine's clock (NTP): Kingdee refuses signatures that are 300 s off";
    let finding = match skew.abs() {
        off if off >= REFUSED => Finding::new(Check::Clock, Verdict::Fault, took, said).to_do(cure),
        off if off >= SUSPICIOUS => Finding::new(Check::Clock, Verdict::Warning, took, said).to_do(cure),
        _ => Finding::new(Check::Clock, Verdict::Ok, took, said),
    };
    (finding, skew)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> (Verdict, String) {
        let now: Timestamp = "2026-11-24T10:00:00.500Z".parse().unwrap();
        let date = Timestamp::from_second(now.as_second() + seconds).ok();
        let reply =
            Reply { status: http::StatusCode::OK, retry_after: None, date, body: bytes::Bytes::new() };
        let (finding, _) = clock(&reply, now, now);
        (finding.verdict, finding.finding)
    }

    #[test]
    fn a_clock_is_suspicious_from_a_minute_on_and_wrong_from_five() {
        for (seconds, verdict) in [
            (0, Verdict::Ok),
            (59, Verdict::Ok),
            (60, Verdict::Warning),
            (-60, Verdict::Warning),
            (299, Verdict::Warning),
            (300, Verdict::Fault),
            (-3600, Verdict::Fault),
        ] {
            assert_eq!(at(seconds).0, verdict, "{seconds}");
        }
    }

    #[test]
    fn both_times_and_the_difference_are_told() {
        assert_eq!(
            at(311).1,
            "this machine 2026-11-24T10:00:00Z, Kingdee 2026-11-24T10:05:11Z: 311 s behind"
        );
        assert!(at(-75).1.ends_with("75 s ahead"));
    }

    #[test]
    fn a_certificate_that_is_refused_says_which_of_two_things_is_wrong() {
        let about = |detail: &str| about_tls(&KingdeeError::because(Failure::Unreachable, detail));
        assert!(about("invalid peer certificate: Expired").contains("clock"));
        assert!(about("invalid peer certificate: UnknownIssuer").contains("root certificates"));
        assert!(about("received corrupt message of type InvalidContentType").contains("scheme and port"));
    }
}
