//! Kingdee away altogether, under load, and back: meanwhile nothing worse than stale rows, and one cool-down later every
//! row that is asked for is fresh again. The clock is moved by hand; attempts that hang take real time.

use std::time::Duration;

use futures_util::future::join_all;
use points_gateway::history::standing::BreakerStanding;
use points_gateway::sandbox::{Endpoint, Fault, SandboxSettings};
use rstest::rstest;

use crate::support::{Stage, rows};

/// A lane that is never in the way.
const WIDE: [(&str, &str); 2] =
    [("KINGDEE__LANE__PER_MINUTE", "6000000"), ("KINGDEE__LANE__BURST", "3000000")];

/// Attempts that a test can see hang, and a good one on a busy machine can't miss.
const SHORT: [(&str, &str); 3] = [
    ("KINGDEE__CONNECT_TIMEOUT", "500ms"),
    ("KINGDEE__ATTEMPT_TIMEOUT", "500ms"),
    ("KINGDEE__CALL_TIMEOUT", "1s"),
];

/// The longest cool-down, of the breaker and of a chunk (`breaker_cooldown_max`, `cooldown_max`).
const COOLDOWN: Duration = Duration::from_secs(30);
/// What a chunk rests that was refused while the probe was under way (`cooldown_first`).
const REST: Duration = Duration::from_secs(1);
/// In which the clock is moved: a refresh shows to those who ask after it.
const STEP: Duration = Duration::from_millis(500);

/// A dozen chunks of four members.
fn pages() -> Vec<String> {
    let page = |member: &str, number| format!("/members/{member}/points-history?page_size=5&page={number}");
    let short = ["1002", "1003", "1004"].map(|member| page(member, 1));
    short.into_iter().chain((0..9).map(|chunk| page("1007", chunk * 20 + 1))).collect()
}

/// A crowd that asks for everything, again and again, and remembers what it was told first.
struct Crowd {
    stage: Stage,
    told: Vec<Vec<String>>,
}

impl Crowd {
    async fn before(settings: SandboxSettings, more: &[(&str, &str)]) -> Crowd {
        let stage = Stage::with_sandbox(settings, &[&WIDE[..], more].concat()).await;
        let mut crowd = Crowd { stage, told: Vec::new() };
        for path in pages() {
            crowd.told.push(rows(&crowd.stage.get(&path).await.page()));
        }
        crowd
    }

    /// Moves the clock and asks for every page at once; which of them were fresh. Whatever was begun is over then.
    async fn asks(&self) -> Vec<bool> {
        self.stage.clock.advance(STEP);
        let replies = join_all(pages().iter().map(|path| self.stage.get(path)).collect::<Vec<_>>()).await;
        let fresh = replies.iter().zip(&self.told).map(|(reply, told)| {
            assert_eq!(&rows(&reply.page()), told, "rows that nobody has booked");
            !reply.header("cache-status").contains("detail=")
        });
        let fresh = fresh.collect();
        while self.stage.app.history().under_way() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        fresh
    }

    fn breaker(&self) -> BreakerStanding {
        self.stage.app.history().accounts()[0].breaker
    }

    fn fail(&self, fault: Option<Fault>) {
        for endpoint in [Endpoint::Authorize, Endpoint::Token, Endpoint::Record] {
            self.stage.sandbox.control().fail(endpoint, fault.clone());
        }
    }

    /// How long it takes until every page has been fresh.
    async fn recovers(&self) -> Duration {
        let mut seen = vec![false; self.told.len()];
        let mut took = Duration::ZERO;
        while seen.contains(&false) && took < 10 * COOLDOWN {
            took += STEP;
            seen.iter_mut().zip(self.asks().await).for_each(|(seen, fresh)| *seen |= fresh);
        }
        took
    }
}

#[rstest]
#[case::refused(Fault::Reset)]
#[case::hanging(Fault::Hang)]
#[case::failing(Fault::Status(503))]
#[tokio::test(flavor = "multi_thread")]
async fn one_cooldown_after_an_outage_everything_is_fresh_and_the_breaker_closed(#[case] fault: Fault) {
    let more: &[_] = if fault == Fault::Hang { &SHORT } else { &[] };
    let crowd = Crowd::before(SandboxSettings::default(), more).await;
    crowd.stage.clock.advance(Duration::from_secs(31));
    crowd.fail(Some(fault));
    // Until the worst moment: a probe has just failed, and the breaker is open for as long as it ever is.
    let mut steps = 0;
    while !matches!(crowd.breaker(), BreakerStanding::Open(left) if left == COOLDOWN) {
        crowd.asks().await;
        steps += 1;
        assert!(steps < 300, "{:?}", crowd.breaker());
    }
    crowd.fail(None);
    let took = crowd.recovers().await;

    assert!(took <= COOLDOWN + REST + STEP, "{took:?}");
    assert_eq!(crowd.breaker(), BreakerStanding::Closed);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_in_an_outage_delays_nothing_beyond_a_cooldown(
    #[values(120, 130, 140, 150, 160, 170)] seconds: u32,
) {
    let token_life = Duration::from_secs(60);
    let crowd = Crowd::before(SandboxSettings { token_life, ..SandboxSettings::default() }, &[]).await;
    crowd.fail(Some(Fault::Reset));
    let steps = Duration::from_secs(seconds.into()).as_millis() / STEP.as_millis();
    for _ in 0..steps {
        crowd.asks().await;
    }
    assert!(crowd.stage.app.history().accounts()[0].token.is_none());
    crowd.fail(None);
    let took = crowd.recovers().await;

    // The last two calls may have been half a minute apart, and the next is due 61 s after the first of them.
    assert!(took <= COOLDOWN + REST + REST + STEP, "{took:?}");
    assert_eq!(crowd.breaker(), BreakerStanding::Closed);
}
