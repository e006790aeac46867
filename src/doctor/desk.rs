//! The desk that makes the calls: in the lane, counted, in both spellings of a space.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::cure::{Patient, Stage};
use super::report::Calls;
use crate::clock::Clock;
use crate::domain::ledger::LedgerAnswer;
use crate::kingdee::credential::Source;
use crate::kingdee::credential::source::{AUTHORIZE, TOKEN};
use crate::kingdee::exchange::{Credentials, Exchange, Request};
use crate::kingdee::lane::{Lane, Verdict};
use crate::kingdee::reply::Reply;
use crate::kingdee::settings::{AccountSettings, SpaceEncoding};
use crate::kingdee::sign::SignedRequest;
use crate::kingdee::transport::{AttemptError, Carrier, Transport};
use crate::kingdee::wire::read_ledger;
use crate::kingdee::{Call, KingdeeError, KingdeeSettings, Priority, record, recovery};

/// Makes the calls of one check-up.
pub struct Desk<'a> {
    /// As it would be served with.
    pub settings: &'a KingdeeSettings,
    /// The account set.
    pub account: &'a AccountSettings,
    /// This machine's.
    pub clock: Clock,
    /// Where authorisation and token come from.
    pub source: Source,
    /// Before anything is signed.
    pub transport: Transport,
    form: Exchange,
    percent: Exchange,
    lane: Lane,
    counted: Arc<Counted>,
}

/// A question in Kingdee's words.
pub type Params = Vec<(&'static str, String)>;

impl<'a> Desk<'a> {
    /// Prepares everything; nothing is sent yet.
    ///
    /// # Errors
    /// When the TLS client can't be built on this machine.
    pub fn open(
        settings: &'a KingdeeSettings,
        account: &'a AccountSettings,
        clock: &Clock,
    ) -> Result<Desk<'a>, KingdeeError> {
        let transport = Transport::new(settings.base_url.clone(), &settings.transport, clock.clone())?;
        let counted = Arc::new(Counted { transport: transport.clone(), calls: Default::default() });
        let spelling = |space_encoding| {
            let settings = KingdeeSettings { space_encoding, ..settings.clone() };
            Exchange::over(counted.clone(), &settings, clock.clone())
        };
        let (form, percent) = (spelling(SpaceEncoding::Form), spelling(SpaceEncoding::Percent));
        let usual = if settings.space_encoding == SpaceEncoding::Form { &form } else { &percent };
        let source = Source::new(
            usual.clone(),
            account.authorization.clone(),
            settings.router_suffixes.clone().into(),
            settings.token_max_life,
            None, // a check-up stands alone, whoever else serves this account set
            clock.clone(),
        );
        let lane = Lane::new(&settings.lane, None, clock.clone());
        let clock = clock.clone();
        Ok(Desk { settings, account, clock, source, transport, form, percent, lane, counted })
    }

    /// Signs with Kingdee's time from now on.
    pub fn suppose_skew(&self, measured: SignedDuration) {
        self.form.suppose_skew(measured);
        self.percent.suppose_skew(measured);
    }

    /// Kingdee's time, as far as it is known.
    pub fn now(&self) -> Timestamp {
        self.form.now()
    }

    /// When a call that begins now must be over.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.settings.transport.call_timeout
    }

    /// Calls so far.
    pub fn calls(&self) -> Calls {
        let [authorization, token, records] = &self.counted.calls;
        let read = |count: &AtomicU32| count.load(Ordering::Relaxed);
        Calls { authorization: read(authorization), token: read(token), records: read(records) }
    }

    /// What to do about a failed call.
    pub fn cure(&self, stage: Stage, error: &KingdeeError) -> String {
        let attempt_timeout = self.settings.transport.attempt_timeout;
        Patient { account: &self.account.name, attempt_timeout }.cure(stage, error)
    }

    /// Asks for records as the configuration spells a space.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn ask(
        &self,
        credentials: &Credentials,
        params: &Params,
    ) -> Result<LedgerAnswer, KingdeeError> {
        self.ask_in(self.settings.space_encoding, credentials, params).await
    }

    /// Asks for records, once in the lane; a socket that closed under us and a clock that was corrected cost one more
    /// call.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn ask_in(
        &self,
        spaces: SpaceEncoding,
        credentials: &Credentials,
        params: &Params,
    ) -> Result<LedgerAnswer, KingdeeError> {
        match self.attempt(spaces, credentials, params).await? {
            Err(first) if first.closed_under_us || first.signs_anew => {
                self.attempt(spaces, credentials, params).await?.map_err(|attempt| attempt.error)
            }
            outcome => outcome.map_err(|attempt| attempt.error),
        }
    }

    async fn attempt(
        &self,
        spaces: SpaceEncoding,
        credentials: &Credentials,
        params: &Params,
    ) -> Result<Result<LedgerAnswer, AttemptError>, KingdeeError> {
        let exchange = if spaces == SpaceEncoding::Form { &self.form } else { &self.percent };
        let turn = self.lane.enter(Call::alone(Priority::Export, self.deadline())).await?;
        let request = Request { method: &Method::GET, path: record::PATH, params };
        let known: Vec<&str> = params.iter().map(|(_, value)| value.as_str()).collect();
        let read = |reply: &Reply| read_ledger(reply, &self.account.time_zone, &known);
        let outcome = exchange.ask(request, Some(credentials.clone()), self.deadline(), read).await;
        match &outcome {
            Ok(_) => turn.end(Verdict::Answers, None),
            Err(failed) => turn.end(recovery::verdict(&failed.error), recovery::pause(&failed.error)),
        }
        Ok(outcome)
    }
}

/// A transport that counts: authorisations, tokens, records.
struct Counted {
    transport: Transport,
    calls: [AtomicU32; 3],
}

impl Carrier for Counted {
    fn carry(&self, signed: SignedRequest, deadline: Instant) -> BoxFuture<'_, Result<Reply, AttemptError>> {
        let [authorization, token, records] = &self.calls;
        let count = match signed.request.path {
            AUTHORIZE => authorization,
            TOKEN => token,
            _ => records,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.transport.carry(signed, deadline)
    }
}
