//! Keeps the set of one account set: hands it out, renews it early, and fetches it once however many ask.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::grant::Grant;
use super::set::CredentialSet;
use super::source::{Fetched, Source};
use crate::clock::{Clock, Tick};
use crate::domain::account::AccountName;
use crate::kingdee::failure::{Failure, KingdeeError};

/// Pause after a first failed fetch, so that a blip is over soon.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Pause after each further one: two token calls a minute are all there is.
const PAUSE: Duration = Duration::from_secs(30);

type Outcome = Result<Arc<CredentialSet>, KingdeeError>;
type Landing = watch::Receiver<Option<Outcome>>;

/// The keeper. Clones share everything.
#[derive(Clone)]
pub struct Keeper(Arc<Kept>);

struct Kept {
    account: AccountName,
    source: Source,
    refresh_percent: u8,
    fetch_timeout: Duration,
    clock: Clock,
    current: ArcSwapOption<CredentialSet>,
    /// Guards every change of `current`; never held across an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    under_way: Option<Landing>,
    held: Option<Arc<Grant>>,
    version: u64,
    failures: u32,
    /// Until when no fetch is begun, and the error that callers get meanwhile.
    resting: Option<(Tick, KingdeeError)>,
}

/// What asking for a new set came to.
enum Boarded {
    Ready(Arc<CredentialSet>),
    Waiting(Landing),
}

impl Keeper {
    /// A keeper that has nothing yet and asks for nothing before somebody asks it.
    pub fn new(
        account: AccountName,
        source: Source,
        refresh_percent: u8,
        fetch_timeout: Duration,
        clock: Clock,
    ) -> Keeper {
        let (current, state) = (ArcSwapOption::empty(), Mutex::default());
        Keeper(Arc::new(Kept { account, source, refresh_percent, fetch_timeout, clock, current, state }))
    }

    /// The set to make a call with. While a living one is there nobody waits, even when its renewal is due.
    ///
    /// # Errors
    /// Why there is none; [`Failure::TimedOut`] if none came before `deadline`. The fetch goes on then.
    pub async fn get(&self, deadline: Instant) -> Outcome {
        let now = self.0.clock.tick();
        if let Some(set) = self.0.current.load_full().filter(|set| set.is_alive(now)) {
            if set.is_due(now) {
                let _ = self.board();
            }
            return Ok(set);
        }
        let mut landing = match self.board()? {
            Boarded::Ready(set) => return Ok(set),
            Boarded::Waiting(landing) => landing,
        };
        match timeout_at(deadline, landing.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or_else(|| Err(lost())),
            Ok(Err(_)) => Err(lost()),
            Err(_) => Err(KingdeeError::because(Failure::TimedOut, "no token in time")),
        }
    }

    /// The set to use after Kingdee refused `version`: a newer one if there is, else one that is fetched now.
    ///
    /// # Errors
    /// As [`Keeper::get`].
    pub async fn renew(&self, version: u64, deadline: Instant) -> Outcome {
        {
            let _state = self.0.lock();
            if self.0.current.load().as_ref().is_some_and(|set| set.version == version) {
                self.0.current.store(None);
            }
        }
        self.get(deadline).await
    }

    fn board(&self) -> Result<Boarded, KingdeeError> {
        let kept = &self.0;
        let mut state = kept.lock();
        let now = kept.clock.tick();
        if let Some(set) = kept.current.load_full().filter(|set| set.is_alive(now) && !set.is_due(now)) {
            return Ok(Boarded::Ready(set));
        }
        // A fetch that died without a word has dropped its end of the channel.
        if let Some(landing) = state.under_way.as_ref().filter(|landing| landing.has_changed().is_ok()) {
            return Ok(Boarded::Waiting(landing.clone()));
        }
        if let Some((until, error)) = state.resting.as_ref().filter(|(until, _)| now < *until) {
            return Err(KingdeeError { retry_after: Some(until.since(now)), ..error.clone() });
        }
        let (landed, landing) = watch::channel(None);
        state.under_way = Some(landing.clone());
        let (keeper, held) = (self.clone(), state.held.clone());
        drop(state);
        tokio::spawn(async move {
            let deadline = Instant::now() + keeper.0.fetch_timeout;
            let fetched = keeper.0.source.fetch(held, deadline).await;
            let outcome = keeper.0.settle(fetched);
            landed.send_replace(Some(outcome));
        });
        Ok(Boarded::Waiting(landing))
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, fetched: Result<Fetched, KingdeeError>) -> Outcome {
        let mut state = self.lock();
        state.under_way = None;
        match fetched {
            Ok(Fetched { grant, token, lives }) => {
                state.version += 1;
                state.failures = 0;
                state.resting = None;
                state.held = Some(grant.clone());
                let set = CredentialSet::new(state.version, grant, token, lives, self.refresh_percent);
                let set = Arc::new(set);
                self.current.store(Some(set.clone()));
                Ok(set)
            }
            Err(error) => {
                state.failures = state.failures.saturating_add(1);
                let pause = if state.failures == 1 { FIRST_PAUSE } else { PAUSE };
                let pause = error.retry_after.unwrap_or_default().max(pause);
                let error = KingdeeError { retry_after: Some(pause), ..error };
                state.resting = Some((self.clock.tick().after(pause), error.clone()));
                drop(state);
                tracing::warn!(
                    account = %self.account,
                    error = %error,
                    pause_seconds = pause.as_secs(),
                    "no new token could be had; one that is held and still lives is used on"
                );
                Err(error)
            }
        }
    }
}

fn lost() -> KingdeeError {
    KingdeeError::because(Failure::Unreachable, "the token fetch ended without a result")
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("account", &self.0.account)
            .field("current", &self.0.current.load())
            .finish()
    }
}
