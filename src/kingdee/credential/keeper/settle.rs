//! What a keeper does with what a fetch or a pull brought: takes it, passes it on, or rests for a while.

use std::sync::Arc;
use std::time::Duration;

use super::{Keeper, Kept, State, unchanged};
use crate::kingdee::alarm::advice;
use crate::kingdee::credential::grant::Grant;
use crate::kingdee::credential::set::{CredentialSet, Fetched, Refused, Token};
use crate::kingdee::failure::{Failure, KingdeeError};

/// Pause after a first failed fetch, so that a blip is over soon.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Pause after each further one: two token calls a minute are all there is.
const PAUSE: Duration = Duration::from_secs(30);
/// Pause after an authorisation that brought nothing new: a 502 need not be a move, and Kingdee's is no poll.
const PULL_PAUSE: Duration = Duration::from_secs(5);

impl Kept {
    /// A fetch has ended: takes what it brought, or rests.
    pub(super) fn settle(&self, fetched: Result<Fetched, KingdeeError>) -> Result<(), KingdeeError> {
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
                    advice = advice(&error),
                    pause_seconds = pause.as_secs(),
                    "no new token could be had; one that is held and still lives is used on"
                );
                Err(error)
            }
        }
    }

    /// A pull of the authorisation has ended.
    pub(super) fn settle_pull(&self, pulled: Result<Arc<Grant>, KingdeeError>) -> Result<(), KingdeeError> {
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
