//! Every refusal with its HTTP status, code and texts, as `protocol.md` §4 has them.
//!
//! Where the documents show no text for a code, ours follows the pattern of those that they show.

use http::StatusCode;
use serde_json::json;

use super::payload::{Answer, html, json as json_answer, status};

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Content-Type is not application/json.
    ContentType,
    /// X-Api-Auth-Version is not 2.0.
    AuthVersion,
    /// X-Api-ClientID is missing.
    ClientIdEmpty,
    /// X-Api-ClientID is not the app's.
    ClientIdUnknown,
    /// X-Api-TimeStamp is missing, not 13 digits, or more than 5 minutes off.
    Timestamp(String),
    /// X-Api-SignHeaders doesn't name the two.
    SignHeaders,
    /// X-Api-Nonce is no positive integer, or was seen before.
    Nonce,
    /// X-Api-Signature is missing or another one than ours.
    Signature,
    /// app-token is missing.
    TokenEmpty,
    /// app-token was never issued here.
    TokenUnknown,
    /// app-token has had its time.
    TokenExpired,
    /// No such path, or the router knows nothing there.
    NoSuchApi,
    /// Another method is meant.
    WrongMethod,
    /// X-GW-Router-Addr leads nowhere.
    NoRoute,
    /// X-GW-Router-Addr is where the account set lived before.
    MovedAway,
    /// Too many calls in a minute.
    Throttled,
    /// The query is longer than 2048 characters.
    QueryTooLong,
    /// app_signature was not made with the current app secret.
    AppSecret,
    /// app_key is missing, or no authorisation has it.
    AppKey,
    /// A parameter has another type.
    ParameterType(&'static str),
    /// A parameter has another format.
    ParameterFormat(&'static str),
    /// A parameter names what isn't there.
    NotFound(&'static str),
}

impl Refusal {
    /// Kingdee's code, or the HTTP status where nginx refuses by itself: what refusals are counted by.
    pub fn code(&self) -> u64 {
        match self {
            Refusal::ContentType => 400,
            Refusal::AuthVersion => 4001,
            Refusal::ClientIdEmpty => 4002,
            Refusal::ClientIdUnknown => 4003,
            Refusal::Timestamp(_) => 4006,
            Refusal::SignHeaders | Refusal::Nonce => 4007,
            Refusal::Signature => 4008,
            Refusal::TokenEmpty => 4009,
            Refusal::TokenUnknown => 4010,
            Refusal::TokenExpired => 1_000_202_001,
            Refusal::NoSuchApi => 5001,
            Refusal::WrongMethod => 5002,
            Refusal::NoRoute => 404,
            Refusal::MovedAway => 502,
            Refusal::Throttled => 429,
            Refusal::QueryTooLong => 414,
            Refusal::AppSecret | Refusal::ParameterFormat(_) => 1_030_002_006,
            Refusal::AppKey => 1_020_002_008,
            Refusal::ParameterType(_) => 1_030_002_001,
            Refusal::NotFound(_) => 1_030_002_003,
        }
    }

    /// The answer that says so.
    pub fn answer(&self) -> Answer {
        match self {
            Refusal::NoRoute => html(StatusCode::NOT_FOUND, "404 No Route"),
            Refusal::MovedAway => html(StatusCode::BAD_GATEWAY, "502 Bad Gateway"),
            Refusal::QueryTooLong => html(StatusCode::URI_TOO_LONG, "414 Request-URI Too Large"),
            Refusal::TokenExpired => self.business(StatusCode::UNAUTHORIZED, "JWT token has expired"),
            Refusal::AppSecret => self.business(StatusCode::OK, "授权密钥校验失败，请获取最新密钥加密"),
            Refusal::AppKey => self.business(StatusCode::OK, "用户授权信息有误"),
            Refusal::ParameterType(name) => self.business(StatusCode::OK, &format!("参数{name}类型错误")),
            Refusal::ParameterFormat(name) => self.business(StatusCode::OK, &format!("参数{name}格式错误")),
            Refusal::NotFound(name) => self.business(StatusCode::OK, &format!("参数{name}对应的数据不存在")),
            Refusal::ContentType => self.gateway(400, "Content-Type is invalid", "Content-Type无效"),
            Refusal::Throttled => self.gateway(429, "Too Many Requests, 已被限流", "请求过于频繁, 已被限流"),
            Refusal::NoSuchApi => self.gateway(519, "API not found", "请求的API不存在"),
            Refusal::WrongMethod => self.gateway(519, "Method not allowed", "请求的方法不允许"),
            Refusal::AuthVersion => self.unauthorized("auth version is not supported", "认证版本不支持"),
            Refusal::ClientIdEmpty => self.unauthorized("APP_ID is empty", "应用ID为空"),
            Refusal::ClientIdUnknown => self.unauthorized("APP_ID is invalid", "应用ID无效"),
            Refusal::Timestamp(sent) => self.unauthorized(
                &format!("errDescEn: X-Api-TimeStamp is invalid: {sent}"),
                &format!("errDescCn: X-Api-TimeStamp过期: {sent}"),
            ),
            Refusal::SignHeaders => self
                .unauthorized("errDescEn: X-Api-SignHeaders is invalid", "errDescCn: X-Api-SignHeaders无效"),
            Refusal::Nonce => {
                self.unauthorized("errDescEn: X-Api-Nonce is invalid", "errDescCn: X-Api-Nonce无效")
            }
            Refusal::Signature => {
                self.unauthorized("errDescEn: X-Api-Signature is invalid", "errDescCn: X-Api-Signature无效")
            }
            Refusal::TokenEmpty => self.unauthorized("access token is empty", "访问令牌为空"),
            Refusal::TokenUnknown => self.unauthorized("access token is invalid", "访问令牌无效"),
        }
    }

    fn unauthorized(&self, english: &str, chinese: &str) -> Answer {
        self.gateway(519, &format!("Unauthorized, {english}"), &format!("认证失败, {chinese}"))
    }

    fn gateway(&self, number: u16, english: &str, chinese: &str) -> Answer {
        gateway_answer(number, self.code(), english, chinese)
    }

    fn business(&self, status: StatusCode, description: &str) -> Answer {
        json_answer(status, &json!({ "errcode": self.code(), "description": description }))
    }
}

/// An answer of the gateway itself, with the marks that it puts behind its texts.
pub fn gateway_answer(number: u16, errcode: u64, english: &str, chinese: &str) -> Answer {
    let body = json!({
        "errcode": errcode,
        "description": format!("{english}[GW]"),
        "description_cn": format!("{chinese}[网关]"),
    });
    json_answer(status(number), &body)
}
