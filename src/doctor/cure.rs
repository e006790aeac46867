//! What to do about a call that failed, by where it was made.

use std::time::Duration;

use crate::domain::account::AccountName;
use crate::kingdee::alarm;
use crate::kingdee::classify::AUTHORIZATION_REFUSED;
use crate::kingdee::{Failure, KingdeeError};

/// Where a call was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// `push_app_authorize`
    Authorization,
    /// `kingdee_auth_token`
    Token,
    /// `integral_record`
    Records,
}

/// Who meets the failure.
#[derive(Debug, Clone, Copy)]
pub struct Patient<'a> {
    /// The account set.
    pub account: &'a AccountName,
    /// `kingdee.attempt_timeout`
    pub attempt_timeout: Duration,
}

impl Patient<'_> {
    /// What to do, in words that name the keys of this account set.
    pub fn cure(&self, stage: Stage, error: &KingdeeError) -> String {
        self.general(stage, error).replace("accounts.<name>", &format!("accounts.{}", self.account))
    }

    fn general(&self, stage: Stage, error: &KingdeeError) -> String {
        match (error.failure, error.errcode) {
            (Failure::Configuration, code) => configuration(stage, code, error),
            (Failure::TimedOut, _) => format!(
                "try again; if it stays, ask whether a firewall or a proxy holds the answer back, or raise \
                 kingdee.attempt_timeout above {:?}",
                self.attempt_timeout
            ),
            (failure, _) => passing(stage, failure)
                .map(str::to_owned)
                .or_else(|| alarm::cure(error).map(str::to_owned))
                .unwrap_or_else(|| "try again later".to_owned()),
        }
    }
}

fn configuration(stage: Stage, code: Option<u64>, error: &KingdeeError) -> String {
    let text = match (code, stage) {
        (Some(4001..=4003), _) => {
            "kingdee.client_id is none that Kingdee knows: copy the application's id (应用ID) from the developer \
             console, leading zeros too, in quotes"
        }
        (Some(4004 | 4005), _) | (Some(4008), Stage::Authorization | Stage::Token) => {
            "kingdee.client_secret does not belong to kingdee.client_id: copy it from the developer console anew; \
             a blank or a second line in its file counts"
        }
        (Some(AUTHORIZATION_REFUSED), _) => {
            "Kingdee knows no such authorisation: leave accounts.<name>.app_key, app_secret and router_domain out \
             so that they are pulled, or copy all three anew"
        }
        (None, Stage::Authorization) if error.status.is_none() => {
            "authorise the application for this account set in Kingdee's console, and check \
             accounts.<name>.outer_instance_id and accounts.<name>.account_id"
        }
        _ => alarm::cure(error).unwrap_or("check kingdee.client_id and kingdee.client_secret"),
    };
    text.to_owned()
}

fn passing(stage: Stage, failure: Failure) -> Option<&'static str> {
    Some(match (failure, stage) {
        (Failure::Router, Stage::Authorization | Stage::Token) => {
            "what answers at kingdee.base_url is not Kingdee's platform: check the address; it is \
             https://api.kingdee.com if nobody told you otherwise"
        }
        (Failure::Router, Stage::Records) => {
            "accounts.<name>.router_domain leads nowhere or the account set has moved: leave it out together with \
             app_key and app_secret, so that all three are pulled, or set the domain of the newest authorisation"
        }
        (Failure::Throttled, Stage::Token) => {
            "Kingdee takes about two token calls a minute: wait a minute, and see who else asks with this app key"
        }
        (Failure::Throttled, _) => {
            "Kingdee takes 500 calls a minute for an account set, all clients together: wait a minute, and see who \
             else calls"
        }
        (Failure::Upstream, _) => {
            "Kingdee itself fails: try again later; if it stays, show Kingdee's support the code and the time"
        }
        (Failure::Unreachable, _) => {
            "the connection broke: try again; if it stays, ask whether a firewall or a proxy cuts it"
        }
        (Failure::Unreadable, _) => {
            "the answer is not in Kingdee's form: check kingdee.base_url, and whether a proxy answers in its place"
        }
        (Failure::CallerFault, Stage::Records) => {
            "Kingdee refuses the question: check the member id that --member names"
        }
        (Failure::CallerFault, _) => "check accounts.<name>.outer_instance_id",
        (Failure::LaneFull, _) => {
            "the gateway's own lane has no room: kingdee.lane.per_minute is too low for a single call"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_something_to_do_everywhere() {
        let name = AccountName::parse("shop-9").unwrap();
        let patient = Patient { account: &name, attempt_timeout: Duration::from_secs(3) };
        for stage in [Stage::Authorization, Stage::Token, Stage::Records] {
            for failure in Failure::ALL {
                let cure = patient.cure(stage, &KingdeeError::new(failure));
                assert!(cure.len() > 20 && !cure.contains("<name>"), "{stage:?} {failure:?}: {cure}");
            }
        }
        let secret = KingdeeError::new(Failure::Secret);
        assert!(patient.cure(Stage::Token, &secret).contains("accounts.shop-9.app_secret"));
    }
}
