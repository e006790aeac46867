//! The table: what Kingdee's codes and statuses mean for us (`protocol.md` §4). `errcode` decides, not the status.

use http::StatusCode;

use super::failure::Failure;

/// What was asked; the same number means different things on different endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `push_app_authorize`
    Authorization,
    /// `kingdee_auth_token`
    Token,
    /// A business call such as `integral_record`.
    Records,
}

/// 授权密钥校验失败 on the token call, a field of the wrong format elsewhere.
pub const APP_SECRET_REFUSED: u64 = 1_030_002_006;
/// 用户授权信息有误: wrong app key or authorisation.
pub const AUTHORIZATION_REFUSED: u64 = 1_020_002_008;
/// `JWT token has expired`
pub const TOKEN_EXPIRED: u64 = 1_000_202_001;

/// The class of an answer that Kingdee itself calls a failure.
pub fn of_errcode(asked: Asked, errcode: Option<u64>, status: StatusCode, text: &str) -> Failure {
    if text.contains("限流") {
        return Failure::Throttled;
    }
    errcode
        .and_then(|code| known(asked, code))
        .or_else(|| of_error_status(status))
        .unwrap_or(Failure::Upstream)
}

fn known(asked: Asked, errcode: u64) -> Option<Failure> {
    Some(match (errcode, asked) {
        (4001..=4005 | 4007 | 4008 | 4012 | 5002, _) => Failure::Configuration,
        (4006, _) => Failure::Clock,
        (4009..=4011 | TOKEN_EXPIRED, _) => Failure::Token,
        (5001, _) => Failure::Router,
        (5007 | 429, _) => Failure::Throttled,
        (5004, _) => Failure::TimedOut,
        (5000 | 5003 | 5005 | 5006, _) => Failure::Upstream,
        (1_000_002_001 | 2_000_002_000 | 2_018_002_000, _) => Failure::Upstream,
        (AUTHORIZATION_REFUSED | 1_040_002_000 | 1_040_003_000, _) => Failure::Configuration,
        (APP_SECRET_REFUSED, Asked::Token) => Failure::Secret,
        (1_030_002_000..=1_030_002_099, Asked::Records) => Failure::CallerFault,
        // On the other two endpoints every parameter is ours.
        (1_030_002_000..=1_030_002_099, _) => Failure::Configuration,
        // The general list of the 开发规范 borrows HTTP's numbers.
        (400..=599, _) => return of_error_status(StatusCode::from_u16(errcode as u16).ok()?),
        _ => return None,
    })
}

/// The class of an answer that says nothing but its status.
pub fn of_status(status: StatusCode) -> Failure {
    of_error_status(status).unwrap_or(Failure::Unreadable)
}

fn of_error_status(status: StatusCode) -> Option<Failure> {
    match status.as_u16() {
        400 | 414 => Some(Failure::CallerFault),
        401 | 403 | 405 => Some(Failure::Configuration),
        // `404 No Route`; 502 after a tenant has moved.
        404 | 502 => Some(Failure::Router),
        429 => Some(Failure::Throttled),
        408 | 504 => Some(Failure::TimedOut),
        500..=599 => Some(Failure::Upstream),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kingdee::failure::Failure as F;

    const GATEWAY: u16 = 519;

    #[rstest::rstest]
    #[case(GATEWAY, 4001, F::Configuration)]
    #[case(GATEWAY, 4002, F::Configuration)]
    #[case(GATEWAY, 4003, F::Configuration)]
    #[case(GATEWAY, 4004, F::Configuration)]
    #[case(GATEWAY, 4005, F::Configuration)]
    #[case(GATEWAY, 4006, F::Clock)]
    #[case(GATEWAY, 4007, F::Configuration)]
    #[case(GATEWAY, 4008, F::Configuration)]
    #[case(GATEWAY, 4009, F::Token)]
    #[case(GATEWAY, 4010, F::Token)]
    #[case(GATEWAY, 4011, F::Token)]
    #[case(GATEWAY, 4012, F::Configuration)]
    #[case(GATEWAY, 5000, F::Upstream)]
    #[case(GATEWAY, 5001, F::Router)]
    #[case(GATEWAY, 5002, F::Configuration)]
    #[case(GATEWAY, 5003, F::Upstream)]
    #[case(GATEWAY, 5004, F::TimedOut)]
    #[case(GATEWAY, 5005, F::Upstream)]
    #[case(GATEWAY, 5006, F::Upstream)]
    #[case(GATEWAY, 5007, F::Throttled)]
    #[case(401, 1_000_202_001, F::Token)]
    #[case(200, 1_000_202_001, F::Token)]
    #[case(200, 1_020_002_008, F::Configuration)]
    #[case(200, 1_000_002_001, F::Upstream)]
    #[case(200, 1_030_002_000, F::CallerFault)]
    #[case(200, 1_030_002_006, F::CallerFault)]
    #[case(200, 1_040_002_000, F::Configuration)]
    #[case(200, 1_040_003_000, F::Configuration)]
    #[case(200, 2_000_002_000, F::Upstream)]
    #[case(200, 2_018_002_000, F::Upstream)]
    #[case(200, 400, F::CallerFault)]
    #[case(200, 401, F::Configuration)]
    #[case(200, 403, F::Configuration)]
    #[case(200, 404, F::Router)]
    #[case(200, 429, F::Throttled)]
    #[case(200, 500, F::Upstream)]
    #[case(200, 503, F::Upstream)]
    #[case(200, 504, F::TimedOut)]
    #[case(200, 777, F::Upstream)]
    #[case(429, 777, F::Throttled)]
    #[case(503, 4011, F::Token)]
    fn the_code_decides_and_the_status_only_where_the_code_is_unknown(
        #[case] status: u16,
        #[case] errcode: u64,
        #[case] failure: F,
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(of_errcode(Asked::Records, Some(errcode), status, ""), failure);
    }

    #[test]
    fn one_number_means_a_rotated_secret_only_on_the_token_call() {
        let of = |asked| of_errcode(asked, Some(APP_SECRET_REFUSED), StatusCode::OK, "授权密钥校验失败");
        assert_eq!(of(Asked::Token), F::Secret);
        assert_eq!(of(Asked::Records), F::CallerFault);
        assert_eq!(of(Asked::Authorization), F::Configuration);
    }

    #[test]
    fn the_words_for_throttling_count_under_any_code() {
        assert_eq!(of_errcode(Asked::Records, Some(1), StatusCode::OK, "已被限流"), F::Throttled);
        assert_eq!(of_errcode(Asked::Records, None, StatusCode::OK, "已被限流"), F::Throttled);
    }

    #[rstest::rstest]
    #[case(200, F::Unreadable)]
    #[case(204, F::Unreadable)]
    #[case(302, F::Unreadable)]
    #[case(400, F::CallerFault)]
    #[case(401, F::Configuration)]
    #[case(403, F::Configuration)]
    #[case(404, F::Router)]
    #[case(418, F::Unreadable)]
    #[case(429, F::Throttled)]
    #[case(500, F::Upstream)]
    #[case(502, F::Router)]
    #[case(503, F::Upstream)]
    #[case(504, F::TimedOut)]
    #[case(519, F::Upstream)]
    fn a_body_that_says_nothing_leaves_the_status(#[case] status: u16, #[case] failure: F) {
        assert_eq!(of_status(StatusCode::from_u16(status).unwrap()), failure);
    }
}
