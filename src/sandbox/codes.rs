//! Every errcode of `protocol.md` §4, by its number alone: status and texts as documented, where they are.

use http::StatusCode;
use serde_json::json;

use super::payload::{Answer, json as json_answer};
use super::refusal::{Refusal, gateway_answer};

/// The codes that [`documented`] knows.
pub const CODES: [u64; 36] = [
    400,
    429,
    4001,
    4002,
    4003,
    4004,
    4005,
    4006,
    4007,
    4008,
    4009,
    4010,
    4011,
    4012,
    5000,
    5001,
    5002,
    5003,
    5004,
    5005,
    5006,
    5007,
    1_000_002_001,
    1_000_202_001,
    1_020_002_008,
    1_030_002_000,
    1_030_002_001,
    1_030_002_002,
    1_030_002_003,
    1_030_002_004,
    1_030_002_005,
    1_030_002_006,
    1_040_002_000,
    1_040_003_000,
    2_000_002_000,
    2_018_002_000,
];

/// The answer with this code; `None` if the documents don't have it.
pub fn documented(code: u64) -> Option<Answer> {
    let unauthorized = |english: &str, chinese: &str| {
        gateway_answer(519, code, &format!("Unauthorized, {english}"), &format!("认证失败, {chinese}"))
    };
    let gateway = |english: &str, chinese: &str| gateway_answer(519, code, english, chinese);
    let business = |text: &str| json_answer(StatusCode::OK, &json!({ "errcode": code, "description": text }));
    Some(match code {
        400 => Refusal::ContentType.answer(),
        429 => Refusal::Throttled.answer(),
        4001 => Refusal::AuthVersion.answer(),
        4002 => Refusal::ClientIdEmpty.answer(),
        4003 => Refusal::ClientIdUnknown.answer(),
        4004 => unauthorized("APP_SECRET is empty", "应用密钥为空"),
        4005 => unauthorized("APP_ID or APP_SECRET is invalid", "应用ID或密钥无效"),
        4006 => Refusal::Timestamp("1655775240000".to_owned()).answer(),
        4007 => Refusal::SignHeaders.answer(),
        4008 => Refusal::Signature.answer(),
        4009 => Refusal::TokenEmpty.answer(),
        4010 => Refusal::TokenUnknown.answer(),
        4011 => unauthorized("access token is expired", "访问令牌已过期"),
        4012 => unauthorized("no permission", "没有权限"),
        5000 => gateway("Internal error", "内部错误"),
        5001 => Refusal::NoSuchApi.answer(),
        5002 => Refusal::WrongMethod.answer(),
        5003 => gateway("Service unavailable", "服务不可用"),
        5004 => gateway("Request timeout", "请求超时"),
        5005 => gateway("Request cancelled", "请求被取消"),
        5006 => gateway("Circuit breaker is open", "服务熔断"),
        5007 => gateway("Overload", "服务过载"),
        1_000_002_001 => business("服务异常"),
        1_000_202_001 => Refusal::TokenExpired.answer(),
        1_020_002_008 => Refusal::AppKey.answer(),
        1_030_002_000 => business("必填字段为空"),
        1_030_002_001 => Refusal::ParameterType("page").answer(),
        1_030_002_002 => business("数据已存在"),
        1_030_002_003 => business("数据不存在"),
        1_030_002_004 => business("数据被引用"),
        1_030_002_005 => business("数据超出数量限制"),
        1_030_002_006 => Refusal::AppSecret.answer(),
        1_040_002_000 => business("客户端配置缺失"),
        1_040_003_000 => business("客户配置缺失"),
        2_000_002_000 | 2_018_002_000 => business("系统错误"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn every_code_answers_with_itself() {
        for code in CODES {
            let answer = documented(code).unwrap();
            let status = answer.status().as_u16();
            assert!(matches!(status, 200 | 400 | 401 | 429 | 519), "{code}: {status}");
            assert_eq!(status == 519, (4_001..=5_007).contains(&code), "{code}");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["errcode"], code);
            assert!(body["description"].as_str().is_some_and(|text| !text.is_empty()), "{code}");
        }
        assert!(documented(0).is_none() && documented(4_013).is_none());
    }
}
