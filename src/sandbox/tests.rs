//! The sandbox over real HTTP, called by a signer of the tests' own.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method, Response};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sha2::Sha256;

use super::settings::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET};
use super::{AccountSet, Sandbox, SandboxSettings};
use crate::clock::Clock;

mod refusals;
mod credentials;
mod records;
mod bad_days;
mod bodies;
mod weather;
mod admin;

const AUTHORIZE: &str = "/jdyconnector/app_management/push_app_authorize";
const TOKEN: &str = "/jdyconnector/app_management/kingdee_auth_token";
const RECORD: &str = "/jdy/v2/ls/integral_record";
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A sandbox, a clock that stands still, and somebody who can call.
struct Scene {
    sandbox: Sandbox,
    clock: Clock,
    http: Client,
}

/// One call, signed when it is made; tests bend it before.
#[derive(Clone)]
struct Call {
    method: Method,
    path: &'static str,
    params: Vec<(&'static str, String)>,
    /// How a space is written on the wire, and what of it is signed.
    space: (&'static str, &'static str),
    headers: BTreeMap<&'static str, String>,
    secret: &'static str,
}

impl Scene {
    async fn new() -> Scene {
        Scene::with(SandboxSettings::default()).await
    }

    async fn with(settings: SandboxSettings) -> Scene {
        let clock = Clock::manual("2026-11-24T02:00:00Z".parse().unwrap());
        let sandbox = Sandbox::start(settings, clock.clone()).await.unwrap();
        let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Scene { sandbox, clock, http }
    }

    fn call(&self, method: Method, path: &'static str) -> Call {
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-api-clientid", DEMO_CLIENT_ID.to_owned()),
            ("x-api-auth-version", "2.0".to_owned()),
            ("x-api-timestamp", self.clock.now().as_millisecond().to_string()),
            ("x-api-signheaders", "X-Api-TimeStamp,X-Api-Nonce".to_owned()),
            ("x-api-nonce", self.clock.nonce().to_string()),
        ];
        Call {
            method,
            path,
            params: Vec::new(),
            space: ("+", "%2B"),
            headers: headers.into_iter().collect(),
            secret: DEMO_CLIENT_SECRET,
        }
    }

    fn token_call(&self, app_key: &str, app_secret: &str) -> Call {
        self.call(Method::GET, TOKEN)
            .param("app_key", app_key)
            .param("app_signature", &hmac_text(app_secret, app_key))
    }

    /// A token for an account set as it is configured.
    async fn token(&self, set: &AccountSet) -> String {
        let answer = self.json(&self.token_call(&set.app_key, set.app_secret.expose_secret())).await;
        answer["data"]["app-token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// A call that has everything, for one member of the flagship.
    fn record_call(&self, token: &str, member: &str) -> Call {
        self.call(Method::GET, RECORD)
            .header("app-token", token)
            .header("x-gw-router-addr", "https://tf.jdy.com")
            .param("member_id", member)
    }

    async fn send(&self, call: &Call) -> Result<Response, reqwest::Error> {
        let url = format!("http://{}{}", self.sandbox.address(), call.target());
        let mut request = self.http.request(call.method.clone(), url);
        for (name, value) in call.signed() {
            request = request.header(name, value);
        }
        request.send().await
    }

    async fn json(&self, call: &Call) -> Value {
        serde_json::from_slice(&self.send(call).await.unwrap().bytes().await.unwrap()).unwrap()
    }

    /// HTTP status and errcode.
    async fn verdict(&self, call: &Call) -> (u16, u64) {
        let response = self.send(call).await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        (status, body["errcode"].as_u64().unwrap_or(u64::MAX))
    }
}

impl Call {
    fn param(mut self, name: &'static str, value: &str) -> Call {
        self.params.push((name, value.to_owned()));
        self
    }

    fn header(mut self, name: &'static str, value: &str) -> Call {
        self.headers.insert(name, value.to_owned());
        self
    }

    fn without(mut self, name: &str) -> Call {
        self.headers.remove(name);
        self
    }

    fn target(&self) -> String {
        let items: Vec<String> = self
            .params
            .iter()
            .map(|(name, value)| format!("{name}={}", percent(value).replace("%20", self.space.0)))
            .collect();
        if items.is_empty() { self.path.to_owned() } else { format!("{}?{}", self.path, items.join("&")) }
    }

    /// The headers, with a signature unless one was written already.
    fn signed(&self) -> BTreeMap<&'static str, String> {
        let mut params: Vec<(&str, String)> = self
            .params
            .iter()
            .map(|(name, value)| (*name, percent(&percent(value)).replace("%2520", self.space.1)))
            .collect();
        params.sort();
        let params: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let blank = String::new();
        let text = format!(
            "{}\n{}\n{}\nx-api-nonce:{}\nx-api-timestamp:{}\n",
            self.method,
            percent(self.path),
            params.join("&"),
            self.headers.get("x-api-nonce").unwrap_or(&blank),
            self.headers.get("x-api-timestamp").unwrap_or(&blank),
        );
        let mut headers = self.headers.clone();
        headers.entry("x-api-signature").or_insert_with(|| hmac_text(self.secret, &text));
        headers
    }
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

fn hmac_text(key: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    STANDARD.encode(hex::encode(mac.finalize().into_bytes()))
}

/// A bound for what must happen, or must not, without saying when.
async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), what).await.unwrap()
}
