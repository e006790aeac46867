//! Keeps the set of one account set: hands it out, renews it early, and fetches it once however many ask.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::{Instant, timeout_at};

use super::grant::Grant;
use super::once::{Landing, Once};
use super::set::{CredentialSet, Fetched, Refused, Token, TokenTimes};
use super::sharing::{self, Wanted};
use super::source::Source;
use crate::clock::{Clock, Tick};
use crate::domain::account::AccountName;
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::tally::Counts;
use crate::telemetry::trace;
use crate::telemetry::trace::names::spans;

/// Pause after a first failed fetch, so that a blip is over soon.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Pause after each further one: two token calls a minute are all there is.
const PAUSE: Duration = Duration::from_secs(30);
/// Pause after an authorisation that brought nothing new: a 502 need not be a move, and Kingdee's is no poll.
const PULL_PAUSE: Duration = Duration::from_secs(5);

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
    fetching: Once,
    pulling: Once,
    held: Option<Arc<Grant>>,
    version: u64,
    /// Failed fetches in a row, and the last one's error.
    trouble: Option<(u32, KingdeeError)>,
    /// Who keeps the same account set's credentials now; a fetch under way brings its token there.
    heir: Option<Keeper>,
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

    /// A keeper for other settings. It goes on with this one's token if `same` account set is asked by the same app, and
    /// with none otherwise; calls and fetches under way end with what they began with.
    pub fn successor(
        &self,
        source: impl FnOnce(&Source) -> Source,
        refresh_percent: u8,
        fetch_timeout: Duration,
        same: bool,
    ) -> Keeper {
        let (account, clock, source) = (self.0.account.clone(), self.0.clock.clone(), source(&self.0.source));
        let mut before = self.0.lock();
        let mut state = State { version: before.version, ..State::default() };
        let grant = before.held.as_ref().filter(|_| same).and_then(|held| source.regrant(held)).map(Arc::new);
        let current = match (&grant, self.0.current.load_full()) {
            (Some(grant), Some(set)) if set.grant.app_key == grant.app_key => {
                state.version += 1;
                let (version, token) = (state.version, set.token.clone());
                Some(Arc::new(CredentialSet { version, grant: grant.clone(), token }))
            }
            _ => None,
        };
        state.held = grant;
        let (current, state) = (ArcSwapOption::from(current), Mutex::new(state));
        let heir =
            Keeper(Arc::new(Kept { account, source, refresh_percent, fetch_timeout, clock, current, state }));
        before.heir = same.then(|| heir.clone());
        heir
    }

    /// The set to make a call with. While a good one is there nobody waits, even when its renewal is due. Where none
    /// can be had, one that Kingdee only doubted serves on.
    ///
    /// # Errors
    /// Why there is none; [`Failure::TimedOut`] if none came before `deadline`. The fetch goes on then.
    pub async fn get(&self, deadline: Instant) -> Result<Arc<CredentialSet>, KingdeeError> {
        let now = self.0.clock.tick();
        if let Some(set) = self.good(now) {
            if set.token.is_due(now) {
                let _behind_the_scenes = self.board_fetch();
            }
            return Ok(set);
        }
        let fetched = self.fetched(deadline).await;
        fetched.or_else(|error| {
            let now = self.0.clock.tick();
            self.0.current.load_full().filter(|set| set.token.is_alive(now)).ok_or(error)
        })
    }

    /// The set to use after Kingdee refused the token of `used`: another one if there is, else one that is fetched
    /// now. However many report the same token, it is replaced once.
    ///
    /// # Errors
    /// As [`Keeper::get`].
    pub async fn renew(
        &self,
        used: &CredentialSet,
        how: Refused,
        deadline: Instant,
    ) -> Result<Arc<CredentialSet>, KingdeeError> {
        used.token.refuse(how);
        match self.good(self.0.clock.tick()) {
            Some(set) => Ok(set),
            None => self.fetched(deadline).await,
        }
    }

    /// The set to use after Kingdee found no way with the router domain of `used`: the domain may have moved, so the
    /// authorisation is pulled, once however many ask. The token stays, if the app key does.
    ///
    /// # Errors
    /// [`Failure::Router`] if the authorisation says what it said before, or can't be pulled; else why the pull failed.
    pub async fn reroute(
        &self,
        used: &CredentialSet,
        deadline: Instant,
    ) -> Result<Arc<CredentialSet>, KingdeeError> {
        if !self.knows_another_way(used) {
            wait(self.board_pull()?, deadline).await?;
        }
        match self.knows_another_way(used) {
            true => self.get(deadline).await,
            false => Err(unchanged()),
        }
    }

    /// Whether the router domain can be asked for; one from the configuration can't.
    pub fn can_reroute(&self) -> bool {
        self.0.source.can_pull()
    }

    /// The times of the token, if there is one that is alive.
    pub fn times(&self) -> Option<TokenTimes> {
        let now = self.0.clock.tick();
        let set = self.0.current.load_full().filter(|set| set.token.is_alive(now))?;
        Some(set.token.times(now))
    }

    /// How often in a row no new token could be had, and why the last time; `None` when the last fetch was good.
    pub fn trouble(&self) -> Option<(u32, KingdeeError)> {
        self.0.lock().trouble.clone()
    }

    /// Calls for a token so far, by how they ended.
    pub fn token_calls(&self) -> Counts {
        self.0.source.bought.counts()
    }

    /// Calls for the authorisation so far, by how they ended.
    pub fn pulls(&self) -> Counts {
        self.0.source.pulled.counts()
    }

    fn good(&self, now: Tick) -> Option<Arc<CredentialSet>> {
        self.0.current.load_full().filter(|set| set.token.is_good(now))
    }

    fn knows_another_way(&self, used: &CredentialSet) -> bool {
        let state = self.0.lock();
        state
            .held
            .as_ref()
            .is_some_and(|held| held.serial > used.grant.serial && held.leads_elsewhere(&used.grant))
    }

    async fn fetched(&self, deadline: Instant) -> Result<Arc<CredentialSet>, KingdeeError> {
        match self.board_fetch() {
            Ok(None) => {}
            Ok(Some(landing)) => wait(landing, deadline).await?,
            // This replica rests after a failure; another may have had more luck.
            Err(error) => {
                let found = sharing::find(&self.0.source, &self.wanted()).await.ok_or(error)?;
                self.0.settle(Ok(found))?;
            }
        }
        self.good(self.0.clock.tick()).ok_or_else(|| {
            KingdeeError::because(Failure::Token, "the token was refused as soon as it was there")
        })
    }

    /// Joins the fetch that is under way, or begins one; `None` if there is a good set that is not due.
    fn board_fetch(&self) -> Result<Option<Landing>, KingdeeError> {
        let mut state = self.0.lock();
        let now = self.0.clock.tick();
        if self.good(now).is_some_and(|set| !set.token.is_due(now)) {
            return Ok(None);
        }
        let keeper = self.clone();
        let wanted = self.0.wanted(state.held.clone());
        state
            .fetching
            .board(
                now,
                move |deadline| async move {
                    let fetched = sharing::fetch(&keeper.0.source, wanted, deadline).await;
                    keeper.0.settle(fetched)
                },
                self.0.fetch_timeout,
            )
            .map(Some)
    }

    fn wanted(&self) -> Wanted {
        let held = self.0.lock().held.clone();
        self.0.wanted(held)
    }

    fn board_pull(&self) -> Result<Landing, KingdeeError> {
        if !self.can_reroute() {
            let detail = "the router domain is written in the configuration and may be stale";
            return Err(KingdeeError::because(Failure::Router, detail));
        }
        let keeper = self.clone();
        let run = move |deadline| async move {
            let pulled = keeper.0.source.grant(deadline).await;
            keeper.0.settle_pull(pulled)
        };
        self.0.lock().pulling.board(self.0.clock.tick(), run, self.0.fetch_timeout)
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self, held: Option<Arc<Grant>>) -> Wanted {
        Wanted {
            held,
            not: self.current.load().as_ref().map(|set| set.credentials().token),
            refresh_percent: self.refresh_percent,
        }
    }

    fn settle(&self, fetched: Result<Fetched, KingdeeError>) -> Result<(), KingdeeError> {
        let mut state = self.lock();
        match fetched {
            Ok(Fetched { grant, token, lives }) => {
                state.trouble = None;
                state.fetching.land(None);
                // A pull that began later than ours may have brought another router meanwhile.
                let newer = state.held.take();
                let grant = newer
                    .filter(|held| held.serial > grant.serial && held.app_key == grant.app_key)
                    .unwrap_or(grant);
                let token = Arc::new(Token::new(token, lives, self.refresh_percent));
                self.replace(&mut state, grant.clone(), token.clone());
                let heir = state.heir.clone();
                drop(state);
                if let Some(Keeper(heir)) = heir {
                    heir.inherit(&grant, token);
                }
                Ok(())
            }
            Err(error) => {
                let failures = state.trouble.as_ref().map_or(0, |(failures, _)| *failures).saturating_add(1);
                let pause = match error.failure {
                    // Nothing was asked, and that is how long until there is a call again.
                    Failure::LaneFull => Duration::ZERO,
                    _ if failures == 1 => FIRST_PAUSE,
                    _ => PAUSE,
                };
                let pause = error.retry_after.unwrap_or_default().max(pause);
                let error = KingdeeError { retry_after: Some(pause), ..error };
                state.trouble = Some((failures, error.clone()));
                state.fetching.land(Some((self.clock.tick().after(pause), error.clone())));
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

    fn settle_pull(&self, pulled: Result<Arc<Grant>, KingdeeError>) -> Result<(), KingdeeError> {
        let mut state = self.lock();
        let resting = |error| Some((self.clock.tick().after(PULL_PAUSE), error));
        let grant = match pulled {
            Ok(grant) => grant,
            Err(error) => {
                state.pulling.land(resting(error.clone()));
                return Err(error);
            }
        };
        let before = state.held.clone();
        if before.as_ref().is_some_and(|held| held.serial > grant.serial) {
            state.pulling.land(None);
            return Ok(());
        }
        let current = self.current.load_full();
        let moved = before.is_none_or(|held| held.leads_elsewhere(&grant));
        state.pulling.land(if moved { None } else { resting(unchanged()) });
        state.held = Some(grant.clone());
        match current {
            Some(set) if set.grant.app_key == grant.app_key => {
                self.replace(&mut state, grant, set.token.clone());
            }
            // Bought with a key that is no longer ours.
            Some(set) => set.token.refuse(Refused::Dead),
            None => {}
        }
        drop(state);
        if moved {
            tracing::info!(account = %self.account, "the authorisation has changed; calls go where it says now");
        }
        Ok(())
    }

    /// Takes a token that was on its way when this keeper took over, unless it has a good one.
    fn inherit(&self, grant: &Grant, token: Arc<Token>) {
        let mut state = self.lock();
        let needed = self.current.load().as_ref().is_none_or(|set| !set.token.is_good(self.clock.tick()));
        let ours = self.source.regrant(grant).filter(|ours| needed && ours.app_key == grant.app_key);
        if let Some(ours) = ours {
            state.trouble = None;
            self.replace(&mut state, Arc::new(ours), token.clone());
        }
        let heir = state.heir.clone();
        drop(state);
        if let Some(Keeper(heir)) = heir {
            heir.inherit(grant, token);
        }
    }

    fn replace(&self, state: &mut State, grant: Arc<Grant>, token: Arc<Token>) {
        state.version += 1;
        state.held = Some(grant.clone());
        self.current.store(Some(Arc::new(CredentialSet { version: state.version, grant, token })));
    }
}

fn unchanged() -> KingdeeError {
    KingdeeError::because(Failure::Router, "the authorisation has not changed")
}

async fn wait(mut landing: Landing, deadline: Instant) -> Result<(), KingdeeError> {
    let lost = || KingdeeError::because(Failure::Unreachable, "the fetch ended without a result");
    let mut span = trace::current().span(spans::CREDENTIAL);
    let outcome = match timeout_at(deadline, landing.wait_for(Option::is_some)).await {
        Ok(Ok(outcome)) => outcome.clone().unwrap_or_else(|| Err(lost())),
        Ok(Err(_)) => Err(lost()),
        Err(_) => Err(KingdeeError::because(Failure::TimedOut, "no credentials in time")),
    };
    outcome.inspect_err(|error| span.fail(error.failure.label()))
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("account", &self.0.account)
            .field("current", &self.0.current.load())
            .finish()
    }
}
