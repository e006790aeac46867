//! The platform: three endpoints behind one gate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{DATE, SERVER};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use serde_json::{Value, json};

use super::calls::{Endpoint, Received};
use super::checks::{Heard, check};
use super::control::Control;
use super::fault::Spoiled;
use super::limits::{Nonces, Quota};
use super::listener::Reset;
use super::lock::lock;
use super::payload::{Answer, json as json_answer};
use super::question::{Question, params};
use super::readings::Readings;
use super::refusal::Refusal;
use super::settings::SandboxSettings;
use super::shape;

/// Longest query: GET parameters take 2048 characters.
const LONGEST_QUERY: usize = 2_048;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-api-requestid");

/// Everything that a request meets.
pub struct Platform {
    settings: SandboxSettings,
    control: Control,
    nonces: Mutex<Nonces>,
    token_quota: Mutex<Quota>,
    record_quota: Mutex<Quota>,
    answers: AtomicU64,
}

impl Endpoint {
    fn at(path: &str) -> Option<Endpoint> {
        match path {
            "/jdyconnector/app_management/push_app_authorize" => Some(Endpoint::Authorize),
            "/jdyconnector/app_management/kingdee_auth_token" => Some(Endpoint::Token),
            "/jdy/v2/ls/integral_record" => Some(Endpoint::Record),
            _ => None,
        }
    }

    fn method(self) -> &'static str {
        if self == Endpoint::Authorize { "POST" } else { "GET" }
    }
}

impl Platform {
    /// A platform on a good day.
    pub fn new(settings: SandboxSettings, control: Control) -> Platform {
        Platform {
            token_quota: Mutex::new(Quota::new(settings.token_calls_per_minute)),
            record_quota: Mutex::new(Quota::new(settings.calls_per_minute)),
            nonces: Mutex::default(),
            answers: AtomicU64::new(0),
            settings,
            control,
        }
    }

    /// Answers one request; its body is never read, nothing in it is signed.
    ///
    /// # Errors
    /// When the connection is to be reset instead.
    pub async fn answer<B>(&self, request: Request<B>) -> Result<Answer, Reset> {
        let (head, _) = request.into_parts();
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let heard = Heard { method: head.method.as_str(), path, query, headers: &head.headers };
        let mut answer = match self.handle(&heard, target).await {
            Ok(Spoiled::Answer(answer)) => answer,
            Ok(Spoiled::Reset) => return Err(Reset),
            Ok(Spoiled::Never) => std::future::pending().await, // ends with the connection
            Err(refusal) => {
                self.control.traffic().note_refusal(refusal.code());
                tracing::debug!(code = refusal.code(), "sandbox refused a call");
                refusal.answer()
            }
        };
        self.dress(&mut answer);
        Ok(answer)
    }

    async fn handle(&self, heard: &Heard<'_>, target: &str) -> Result<Spoiled, Refusal> {
        let endpoint = Endpoint::at(heard.path).ok_or(Refusal::NoSuchApi)?;
        self.control.traffic().note_arrival(received(endpoint, heard, target), self.control.clock().tick());
        self.control.keep_schedule();
        if heard.query.len() > LONGEST_QUERY {
            return Err(Refusal::QueryTooLong);
        }
        if heard.method != endpoint.method() {
            return Err(Refusal::WrongMethod);
        }
        let (now, tick) = (self.control.now(), self.control.clock().tick());
        let secrets = self.control.credentials().client_secrets();
        let readings = self.control.day().readings();
        check(heard, &self.settings, &secrets, readings.space, &mut lock(&self.nonces), now, tick)?;
        let honest = match endpoint {
            Endpoint::Authorize => self.authorize(heard),
            Endpoint::Token => self.token(heard)?,
            Endpoint::Record => self.record(heard, &readings).await?,
        };
        if endpoint != Endpoint::Record {
            self.control.day().delay(endpoint).await;
        }
        Ok(match self.control.day().next_fault(endpoint) {
            None => Spoiled::Answer(json_answer(StatusCode::OK, &honest)),
            Some((fault, before)) => fault.spoil(honest, before),
        })
    }

    fn authorize(&self, heard: &Heard<'_>) -> Value {
        let wanted = params(heard.query).find(|(name, _)| name == "outerInstanceId").map(|(_, id)| id);
        let rows = self.control.credentials().authorisations(wanted.as_deref(), self.control.now());
        json!({ "code": 200, "msg": "success", "data": rows })
    }

    fn token(&self, heard: &Heard<'_>) -> Result<Value, Refusal> {
        let (mut app_key, mut app_signature) = (String::new(), String::new());
        for (name, value) in params(heard.query) {
            match name.as_str() {
                "app_key" => app_key = value,
                "app_signature" => app_signature = value,
                _ => {}
            }
        }
        if let Some(account) = self.control.credentials().account_of(&app_key) {
            let tick = self.control.clock().tick();
            self.control.traffic().note_account(account, Endpoint::Token, tick);
        }
        if !lock(&self.token_quota).take(&app_key, self.control.clock().tick()) {
            return Err(Refusal::Throttled);
        }
        let data = self.control.credentials().issue(&app_key, &app_signature, self.control.now())?;
        Ok(json!({ "errcode": 0, "description": "success", "data": data }))
    }

    async fn record(&self, heard: &Heard<'_>, readings: &Readings) -> Result<Value, Refusal> {
        let token = heard.sole("app-token").ok_or(Refusal::TokenEmpty)?;
        let router = heard.sole("x-gw-router-addr");
        if let Some(account) = self.control.credentials().account_of_token(token) {
            let tick = self.control.clock().tick();
            self.control.traffic().note_account(account, Endpoint::Record, tick);
        }
        let account = self.control.credentials().admit(token, router, self.control.now())?;
        if !lock(&self.record_quota).take(&account, self.control.clock().tick()) {
            return Err(Refusal::Throttled);
        }
        let question = Question::read(heard.query)?;
        let question = self.control.ledger().acquaint(&account, question, readings)?;
        // Before the rows are read: what is inserted meanwhile is in the answer.
        self.control.day().delay(Endpoint::Record).await;
        let page = self.control.ledger().page(&account, &question, readings);
        if let (Some(member), growth @ 1..) = (&question.member, self.control.day().growth()) {
            self.control.ledger().insert(&account, member, growth);
        }
        Ok(json!({ "errcode": 0, "description": "success", "data": shape::data(&question, &page) }))
    }

    /// The headers that every answer has.
    fn dress(&self, answer: &mut Answer) {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        let date = self.control.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let headers = answer.headers_mut();
        headers.insert(SERVER, HeaderValue::from_static("nginx"));
        for (name, text) in [(REQUEST_ID, format!("sandbox{number:025x}")), (DATE, date)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

fn received(endpoint: Endpoint, heard: &Heard<'_>, target: &str) -> Received {
    let headers = heard.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Received { endpoint, target: target.to_owned(), headers: headers.collect() }
}
