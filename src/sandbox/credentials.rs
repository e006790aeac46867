//! The platform's side of the credential chain: authorisations, app secrets that rotate, domains that move, tokens.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::jwt::jwt;
use super::refusal::Refusal;
use super::settings::{AccountSet, ExpiresUnit, SandboxSettings};
use super::signature::{hmac, sign};

/// Most tokens remembered; the oldest go first.
const MOST_TOKENS: usize = 4_096;
/// Most former domains remembered for an account set.
const MOST_DOMAINS: usize = 16;

/// What a router domain answers after its account set has moved away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormerDomain {
    /// 502: the router is there, but nothing behind it.
    BadGateway,
    /// `404 No Route`: nobody remembers it.
    NoRoute,
}

/// All account sets as they stand, and the tokens issued for them.
pub struct Credentials {
    client_id: String,
    client_secrets: Vec<SecretString>,
    outer_instance_id: String,
    token_life: Duration,
    sets: Vec<Standing>,
    tokens: HashMap<String, Issued>,
    order: VecDeque<String>,
    issued: u64,
}

struct Standing {
    set: AccountSet,
    secret: String,
    old_secret: Option<String>,
    changed: Timestamp,
    rotations: u64,
    domain: String,
    former_domains: VecDeque<String>,
    moves: u64,
}

struct Issued {
    set: usize,
    expires: Timestamp,
}

impl Credentials {
    /// Everything as configured, no token yet.
    pub fn new(settings: &SandboxSettings, now: Timestamp) -> Credentials {
        let standing = |set: &AccountSet| Standing {
            secret: set.app_secret.expose_secret().to_owned(),
            old_secret: None,
            changed: now,
            rotations: 0,
            domain: set.domain.clone(),
            former_domains: VecDeque::new(),
            moves: 0,
            set: set.clone(),
        };
        Credentials {
            client_id: settings.client_id.clone(),
            client_secrets: vec![settings.client_secret.clone()],
            outer_instance_id: settings.outer_instance_id.clone(),
            token_life: settings.token_life,
            sets: settings.accounts.iter().map(standing).collect(),
            tokens: HashMap::new(),
            order: VecDeque::new(),
            issued: 0,
        }
    }

    /// New app secrets for all account sets, as every 24 hours; the old ones are dead at once.
    pub fn rotate(&mut self, now: Timestamp) {
        for standing in &mut self.sets {
            standing.rotations += 1;
            let fresh = hex::encode(hmac(&standing.secret, &format!("rotation {}", standing.rotations)));
            standing.old_secret = Some(std::mem::replace(&mut standing.secret, fresh));
            standing.changed = now;
        }
    }

    /// Moves all account sets to new router domains, as when a tenant goes to the grey environment.
    pub fn move_domains(&mut self, former: FormerDomain) {
        for standing in &mut self.sets {
            standing.moves += 1;
            let slash = if standing.set.domain.ends_with('/') { "/" } else { "" };
            let host = standing.set.domain.trim_end_matches('/').trim_end_matches(".jdy.com");
            let fresh = format!("{host}-grey{}.jdy.com{slash}", standing.moves);
            if standing.former_domains.len() >= MOST_DOMAINS {
                standing.former_domains.pop_front();
            }
            let left = std::mem::replace(&mut standing.domain, fresh);
            if former == FormerDomain::BadGateway {
                standing.former_domains.push_back(left);
            }
        }
    }

    /// Another client secret, beside the one before.
    pub fn add_client_secret(&mut self, secret: SecretString) {
        self.client_secrets.drain(..self.client_secrets.len().saturating_sub(1));
        self.client_secrets.push(secret);
    }

    /// Of all client secrets only the last one is good from now on.
    pub fn end_former_client_secrets(&mut self) {
        self.client_secrets.drain(..self.client_secrets.len().saturating_sub(1));
    }

    /// Keys of signatures that are good now.
    pub fn client_secrets(&self) -> Vec<SecretString> {
        self.client_secrets.clone()
    }

    /// Ends the life of every token issued so far.
    pub fn expire_tokens(&mut self) {
        self.tokens.values_mut().for_each(|issued| issued.expires = Timestamp::UNIX_EPOCH);
    }

    /// Forgets every token issued so far, as after a restart without memory.
    pub fn forget_tokens(&mut self) {
        self.tokens.clear();
        self.order.clear();
    }

    /// The `data` of a push_app_authorize answer: for each account set a dead authorisation first, then the live
    /// one, so that whoever takes the first row takes a wrong one.
    pub fn authorisations(&self, outer_instance_id: Option<&str>, now: Timestamp) -> Value {
        if outer_instance_id.is_some_and(|id| id != self.outer_instance_id) {
            return json!([]);
        }
        self.sets.iter().rev().flat_map(|standing| self.rows(standing, now)).collect()
    }

    fn rows(&self, standing: &Standing, now: Timestamp) -> [Value; 2] {
        let set = &standing.set;
        let live = json!({
            "accountId": set.account_id,
            "accountName": set.name,
            "appKey": set.app_key,
            "appSecret": standing.secret,
            "oldAppSecret": standing.old_secret,
            "secretUpdateTime": standing.changed.as_millisecond(),
            "domain": standing.domain,
            "groupName": "jdy_sandbox",
            "serviceId": format!("service-{}", set.account_id),
            "clientId": self.client_id,
            "instanceId": format!("instance-{}", set.account_id),
            "outerInstanceId": self.outer_instance_id,
            "instanceExpiresTime": now.as_millisecond() + 365 * 24 * 60 * 60 * 1_000,
            "status": 1,
            "tid": 1,
            "uid": "1000001",
            "tenantId": "sandbox",
            "createTime": 1_767_225_600_000_u64,
            "openTime": 1_767_225_600_000_u64,
            "accessToken": null,
            "appToken": null,
        });
        let mut dead = live.clone();
        dead["appKey"] = json!(set.app_key.chars().rev().collect::<String>());
        dead["appSecret"] = json!("sandbox-only-dead-app-secret");
        dead["oldAppSecret"] = Value::Null;
        dead["domain"] = json!("https://tf-closed.jdy.com");
        dead["instanceExpiresTime"] = json!(1_767_225_600_000_u64);
        dead["status"] = json!(0);
        [dead, live]
    }

    /// The accountId of an app key.
    pub fn account_of(&self, app_key: &str) -> Option<&str> {
        let standing = self.sets.iter().find(|standing| standing.set.app_key == app_key);
        standing.map(|standing| standing.set.account_id.as_str())
    }

    /// The accountId of a token, dead or alive.
    pub fn account_of_token(&self, token: &str) -> Option<&str> {
        self.tokens.get(token).map(|issued| self.sets[issued.set].set.account_id.as_str())
    }

    /// Issues a token: the `data` of a kingdee_auth_token answer.
    pub fn issue(&mut self, app_key: &str, app_signature: &str, now: Timestamp) -> Result<Value, Refusal> {
        let place =
            self.sets.iter().position(|standing| standing.set.app_key == app_key).ok_or(Refusal::AppKey)?;
        let standing = &self.sets[place];
        if sign(&standing.secret, app_key) != app_signature {
            return Err(Refusal::AppSecret);
        }
        self.issued += 1;
        let life = i64::try_from(self.token_life.as_millis()).unwrap_or(i64::MAX);
        let end = now.as_millisecond().saturating_add(life);
        let token = jwt(&standing.set, now.as_second(), end / 1_000, self.issued);
        let unit = standing.set.expires_in;
        let (expires, uid) = match unit {
            ExpiresUnit::EpochMillis => (json!(end), json!("1000001")),
            ExpiresUnit::Seconds => (json!(life / 1_000), json!(1_000_001)),
        };
        let answer = json!({ "app-token": token, "access_token": "", "uid": uid, "expires": expires, "domain": standing.domain });
        self.remember(token, Issued { set: place, expires: Timestamp::from_millisecond(end).unwrap_or(now) });
        Ok(answer)
    }

    fn remember(&mut self, token: String, issued: Issued) {
        if self.order.len() >= MOST_TOKENS
            && let Some(oldest) = self.order.pop_front()
        {
            self.tokens.remove(&oldest);
        }
        self.order.push_back(token.clone());
        self.tokens.insert(token, issued);
    }

    /// The accountId that a call with this token and this router address belongs to.
    ///
    /// The router: no address, or another account set's, leads to a place where the API is not found; one that
    /// nobody has leads nowhere; the one before a move to a gateway that has nothing behind it any more.
    pub fn admit(&self, token: &str, router: Option<&str>, now: Timestamp) -> Result<String, Refusal> {
        let issued = self.tokens.get(token).ok_or(Refusal::TokenUnknown)?;
        if issued.expires <= now {
            return Err(Refusal::TokenExpired);
        }
        let standing = &self.sets[issued.set];
        let Some(router) = router else { return Err(Refusal::NoSuchApi) };
        if router == standing.domain {
            Ok(standing.set.account_id.clone())
        } else if standing.former_domains.iter().any(|former| former == router) {
            Err(Refusal::MovedAway)
        } else if self.sets.iter().any(|other| other.domain == router) {
            Err(Refusal::NoSuchApi)
        } else {
            Err(Refusal::NoRoute)
        }
    }
}
