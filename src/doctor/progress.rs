//! One line on a terminal that says what is under way, where it takes longer than two seconds.

use std::io::Write;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, interval};

use super::check::Check;

/// What is shorter needs no word.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the line is looked at.
const LOOK: Duration = Duration::from_millis(250);
const ERASE: &str = "\r\x1b[K";

/// Does the work, and tells on `out` what it is at; the line is gone when the work is done.
pub async fn told_on<T>(
    out: &mut impl Write,
    progress: watch::Receiver<Option<Check>>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    let mut every = interval(LOOK);
    let (mut at, mut since, mut shown) = (None, Instant::now(), false);
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                draw(out, &mut shown, None);
                return done;
            }
            now = every.tick() => {
                let current = *progress.borrow();
                if current != at {
                    (at, since) = (current, now);
                    draw(out, &mut shown, None);
                }
                let waited = now - since;
                if let Some(check) = at.filter(|_| waited >= PATIENCE) {
                    draw(out, &mut shown, Some(&format!("{} … {} s", check.title(), waited.as_secs())));
                }
            }
        }
    }
}

/// A terminal that can't be written is no reason to stop.
fn draw(out: &mut impl Write, shown: &mut bool, text: Option<&str>) {
    if *shown || text.is_some() {
        let _nobody_reads = write!(out, "{ERASE}{}", text.unwrap_or_default()).and_then(|()| out.flush());
    }
    *shown = text.is_some();
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(durations: &[(Check, u64)]) -> String {
        let progress = watch::Sender::new(None);
        let receiver = progress.subscribe();
        let work = async {
            for (check, millis) in durations {
                progress.send_replace(Some(*check));
                tokio::time::sleep(Duration::from_millis(*millis)).await;
            }
        };
        let mut out = Vec::new();
        told_on(&mut out, receiver, work).await;
        String::from_utf8(out).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_quick_is_not_mentioned() {
        assert_eq!(told(&[(Check::Dns, 1_900), (Check::Tcp, 1_900), (Check::Tls, 10)]).await, "");
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_is_told_and_the_line_is_erased() {
        let said = told(&[(Check::Dns, 10), (Check::Token, 3_500)]).await;
        assert!(said.contains("token … 2 s") && said.contains("token … 3 s"), "{said:?}");
        assert!(!said.contains("DNS") && said.ends_with(ERASE), "{said:?}");
    }
}
