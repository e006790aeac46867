//! A Kingdee without sockets for tests on the paused clock: a script answers each attempt, and the gateway's clock
//! walks beside tokio's.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep_until};

use crate::clock::Clock;
use crate::kingdee::exchange::Exchange;
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::reply::Reply;
use crate::kingdee::settings::{Authorization, KingdeeSettings};
use crate::kingdee::sign::SignedRequest;
use crate::kingdee::transport::{AttemptError, Carrier};
use crate::kingdee::{Call, Kingdee, Priority};

pub const TOKEN: &str = "kingdee_auth_token";
pub const AUTHORIZE: &str = "push_app_authorize";
pub const RECORD: &str = "integral_record";

/// One attempt as Kingdee sees it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The last part of the path.
    pub endpoint: &'static str,
    pub query: String,
    pub token: String,
    pub router: String,
    /// X-Api-TimeStamp
    pub timestamp: Timestamp,
    pub at: Instant,
    /// How many came to this endpoint before.
    pub number: usize,
}

/// What comes back.
pub enum Back {
    /// Status and body.
    Says(u16, String),
    /// With `Retry-After`, in seconds.
    Wait(u16, String, u64),
    /// Later than anything else.
    Late(Duration, Box<Back>),
    /// The connection closes without an answer.
    Closes,
    /// Nothing until the attempt's time is over.
    Hangs,
}

/// Kingdee's errcode in its usual dress.
pub fn refuses(status: u16, errcode: u64) -> Back {
    Back::Says(status, format!(r#"{{"errcode":{errcode},"description":"x"}}"#))
}

pub fn records() -> Back {
    Back::Says(200, r#"{"errcode":0,"data":{"count":0,"rows":[]}}"#.into())
}

pub fn token(name: &str, seconds: u64) -> Back {
    let data = format!(r#"{{"app-token":"{name}","expires":{seconds}}}"#);
    Back::Says(200, format!(r#"{{"errcode":0,"data":{data}}}"#))
}

pub fn authorisation(key: &str, secret: &str, domain: &str) -> Back {
    let row = format!(
        r#"{{"appKey":"{key}","appSecret":"{secret}","domain":"{domain}","accountId":"1","status":1}}"#
    );
    Back::Says(200, format!(r#"{{"code":200,"msg":"","data":[{row}]}}"#))
}

type Script = dyn Fn(&Attempt) -> Back + Send + Sync;

struct Scripted {
    script: Box<Script>,
    clock: Clock,
    attempts: Arc<Mutex<Vec<Attempt>>>,
    /// Kingdee's clock minus ours, as its `Date` shows it.
    shown: Arc<Mutex<Option<SignedDuration>>>,
}

impl Carrier for Scripted {
    fn carry(&self, signed: SignedRequest, deadline: Instant) -> BoxFuture<'_, Result<Reply, AttemptError>> {
        let header = |name: &str| {
            let value = signed.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            value.unwrap_or_default()
        };
        let mut attempts = self.attempts.lock().unwrap();
        let endpoint = signed.request.path.rsplit('/').next().unwrap();
        let attempt = Attempt {
            endpoint,
            query: signed.request.query.as_str().to_owned(),
            token: header("app-token"),
            router: header("x-gw-router-addr"),
            timestamp: Timestamp::from_millisecond(header("x-api-timestamp").parse().unwrap()).unwrap(),
            at: Instant::now(),
            number: attempts.iter().filter(|other| other.endpoint == endpoint).count(),
        };
        attempts.push(attempt.clone());
        drop(attempts);
        Box::pin(async move {
            // What takes no time at all hides races.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let date = self.shown.lock().unwrap().map(|skew| self.clock.now().checked_add(skew).unwrap());
            let reply = |status: u16, body: String, wait: Option<u64>| Reply {
                status: StatusCode::from_u16(status).unwrap(),
                retry_after: wait.map(Duration::from_secs),
                date,
                body: Bytes::from(body),
            };
            let failed = |failure| AttemptError::plain(KingdeeError::because(failure, "scripted"));
            let mut back = (self.script)(&attempt);
            if let Back::Late(by, late) = back {
                tokio::time::sleep(by).await;
                back = *late;
            }
            match back {
                Back::Late(..) => Err(failed(Failure::Unreadable)),
                Back::Says(status, body) => Ok(reply(status, body, None)),
                Back::Wait(status, body, seconds) => Ok(reply(status, body, Some(seconds))),
                Back::Closes => Err(AttemptError { closed_under_us: true, ..failed(Failure::Unreachable) }),
                Back::Hangs => {
                    sleep_until(deadline.min(attempt.at + Duration::from_secs(3))).await;
                    Err(failed(Failure::TimedOut))
                }
            }
        })
    }
}

/// A client in front of a script.
pub struct Rig {
    pub kingdee: Kingdee,
    pub clock: Clock,
    attempts: Arc<Mutex<Vec<Attempt>>>,
    shown: Arc<Mutex<Option<SignedDuration>>>,
}

impl Rig {
    /// A lane that is wide open, an authorisation that is pulled, a clock that is right.
    pub fn new(script: impl Fn(&Attempt) -> Back + Send + Sync + 'static) -> Rig {
        Rig::with(
            |settings| {
                settings.lane.per_minute = 600_000;
                settings.lane.burst = 100_000;
                settings.lane.concurrency = 1000;
                settings.lane.queue = 10_000;
            },
            script,
        )
    }

    pub fn with(
        change: impl FnOnce(&mut KingdeeSettings),
        script: impl Fn(&Attempt) -> Back + Send + Sync + 'static,
    ) -> Rig {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let (attempts, shown) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(Mutex::new(None)));
        let carrier = Scripted {
            script: Box::new(script),
            clock: clock.clone(),
            attempts: attempts.clone(),
            shown: shown.clone(),
        };
        let mut settings = super::settings("http://127.0.0.1:1".parse().unwrap());
        settings.transport = Default::default();
        settings.accounts[0].authorization =
            Authorization::Pull { outer_instance_id: None, account_id: Some("1".into()) };
        change(&mut settings);
        let exchange = Exchange::over(Arc::new(carrier), &settings, clock.clone());
        let kingdee = Kingdee::over(exchange, settings, None, clock.clone()).unwrap();
        tokio::spawn(walk(clock.clone()));
        Rig { kingdee, clock, attempts, shown }
    }

    /// From now on answers carry a `Date` that is off by so much.
    pub fn show_date(&self, skew: SignedDuration) {
        *self.shown.lock().unwrap() = Some(skew);
    }

    /// One call of a user, with the app's usual nine seconds.
    pub async fn ask(&self) -> Result<(), KingdeeError> {
        self.ask_within(Duration::from_secs(9)).await
    }

    /// One call of a user with less patience.
    pub async fn ask_within(&self, patience: Duration) -> Result<(), KingdeeError> {
        let call = Call::alone(Priority::User, Instant::now() + patience);
        self.kingdee.chunk(&super::key("1"), call).await.map(drop)
    }

    /// So many calls, one every `every`, each waiting for its own answer only.
    pub async fn storm(&self, calls: u32, every: Duration) -> Vec<(Result<(), KingdeeError>, Duration)> {
        let start = Instant::now();
        futures_util::future::join_all((0..calls).map(|n| async move {
            sleep_until(start + every * n).await;
            let begun = Instant::now();
            (self.ask().await, begun.elapsed())
        }))
        .await
    }

    pub fn seen(&self, endpoint: &str) -> Vec<Attempt> {
        self.attempts.lock().unwrap().iter().filter(|a| a.endpoint == endpoint).cloned().collect()
    }

    /// Most attempts at an endpoint in any 60 seconds.
    pub fn most_in_a_minute(&self, endpoint: &str) -> usize {
        let seen = self.seen(endpoint);
        let minute = Duration::from_secs(60);
        let within =
            |from: &Attempt| seen.iter().filter(|a| a.at >= from.at && a.at < from.at + minute).count();
        seen.iter().map(within).max().unwrap_or(0)
    }
}

/// Keeps the gateway's clock beside tokio's, to 10 ms.
async fn walk(clock: Clock) {
    const STEP: Duration = Duration::from_millis(10);
    let mut next = Instant::now();
    loop {
        next += STEP;
        sleep_until(next).await;
        clock.advance(STEP);
    }
}
