//! Every quirk of `protocol.md` §4 and §6, as bodies.

use bytes::Bytes;
use http::StatusCode;
use jiff::tz::TimeZone;

use super::{read_authorizations, read_ledger, read_token};
use crate::domain::ledger::LedgerAnswer;
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::reply::Reply;

/// The endpoint page's own sample.
pub const SAMPLE: &str = r#"{"data":{"count":100,"cur_page_size":1,"page":1,"page_size":100,"rows":[{"create_time":
"2022-08-05","id":"1","integral":"500","last_integral":"500","member_id":"1","member_name":"会员A","modify_time":
"2022-08-05","occur":"20","type_id":"001","type_name":"业务A","type_number":"001"}],"total_page":10},
"description":"success","errcode":0}"#;

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        retry_after: None,
        date: None,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

pub fn ledger(body: &str) -> Result<LedgerAnswer, KingdeeError> {
    read_ledger(&reply(200, body), &TimeZone::get("Asia/Shanghai").unwrap(), &["canary"])
}

fn with_data(data: &str) -> Result<LedgerAnswer, KingdeeError> {
    ledger(&format!(r#"{{"errcode":0,"description":"success","data":{data}}}"#))
}

fn with_row(row: &str) -> Result<LedgerAnswer, KingdeeError> {
    with_data(&format!(r#"{{"count":1,"rows":[{row}]}}"#))
}

#[test]
fn the_sample_of_the_page_reaches_the_domain_field_by_field() {
    let answer = ledger(SAMPLE).unwrap();
    assert_eq!((answer.count, answer.page, answer.page_size), (100, Some(1), Some(100)));
    assert_eq!((answer.cur_page_size, answer.total_page), (Some(1), Some(10)));
    let row = &answer.rows[0];
    assert_eq!(row.member.as_ref().unwrap().as_str(), "1");
    assert_eq!(row.member_name.as_deref(), Some("会员A"));
    assert_eq!(
        serde_json::to_string(row).unwrap(),
        "{\"id\":\"1\",\"type\":{\"id\":\"001\",\"number\":\"001\",\"name\":\"业务A\"},\"points\":20,\
         \"balance_before\":500,\"balance_after\":500,\"created_at\":\"2022-08-05T00:00:00+08:00\",\
         \"updated_at\":\"2022-08-05T00:00:00+08:00\"}"
    );
}

#[test]
fn numbers_may_be_text_and_text_may_be_numbers() {
    let answer = with_data(
        r#"{"count":"2","current_page":"1","page_size":"100","current_page_size":1.0,"total_page":"1",
        "rows":[{"id":1307741726651203584,"member_id":850693217107061760,"occur":12345678901234567890.10,
        "integral":-3,"last_integral":1.0E7,"type_number":1}]}"#,
    )
    .unwrap();
    assert_eq!((answer.count, answer.page, answer.cur_page_size), (2, Some(1), Some(1)));
    let row = &answer.rows[0];
    assert_eq!(row.id.as_deref(), Some("1307741726651203584"));
    assert_eq!(row.member.as_ref().unwrap().as_str(), "850693217107061760");
    assert_eq!(row.points.as_ref().unwrap().as_str(), "12345678901234567890.10");
    assert_eq!(row.balance_before.as_ref().unwrap().as_str(), "10000000");
    assert_eq!(row.kind.number.as_deref(), Some("1"));
}

#[rstest::rstest]
#[case(r#"{"count":0}"#)]
#[case(r#"{"count":0,"rows":null}"#)]
#[case(r#"{"count":"0","rows":[],"page":null,"total_page":""}"#)]
fn an_empty_list_may_be_missing_null_or_empty(#[case] data: &str) {
    assert!(with_data(data).unwrap().rows.is_empty());
}

#[rstest::rstest]
#[case("{}")]
#[case(r#"{"id":null,"member_id":null,"occur":null,"create_time":null,"type_id":null}"#)]
#[case(r#"{"id":"","occur":"","integral":" ","create_time":""}"#)]
#[case(r#"{"unheard_of":{"deep":[1,2,{"x":null}]},"unheard_of":1}"#)]
fn what_a_row_does_not_say_stays_unsaid(#[case] row: &str) {
    let row = &with_row(row).unwrap().rows[0];
    assert!(row.id.is_none() && row.member.is_none() && row.points.is_none() && row.created_at.is_none());
}

#[rstest::rstest]
#[case(r#"{"occur":"canary"}"#, "occur")]
#[case(r#"{"occur":true}"#, "occur")]
#[case(r#"{"integral":"1,000"}"#, "integral")]
#[case(r#"{"create_time":"2022-02-30"}"#, "create_time")]
#[case(r#"{"member_id":"../canary"}"#, "member_id")]
#[case(r#"{"member_id":""}"#, "member_id")]
#[case(r#"{"member_id":["1"]}"#, "row")]
#[case(r#"{"id":"1","id":"2"}"#, "row")]
#[case("null", "row")]
#[case(r#"["1","1"]"#, "row")]
fn a_value_that_cannot_be_read_refuses_the_answer_by_its_name(#[case] row: &str, #[case] name: &str) {
    let error = with_row(row).unwrap_err();
    assert_eq!(error.failure, Failure::Unreadable);
    assert!(error.detail.contains(name) && !error.detail.contains("canary"), "{error}");
}

#[rstest::rstest]
#[case("null")]
#[case("[]")]
#[case(r#"[1,1,1]"#)]
#[case(r#""text""#)]
#[case("{}")]
#[case(r#"{"count":null}"#)]
#[case(r#"{"count":-1}"#)]
#[case(r#"{"count":"many"}"#)]
#[case(r#"{"count":1,"count":2}"#)]
#[case(r#"{"count":1,"rows":{}}"#)]
#[case(r#"{"count":1,"page":{}}"#)]
fn data_of_another_shape_is_never_taken_for_an_empty_ledger(#[case] data: &str) {
    assert_eq!(with_data(data).unwrap_err().failure, Failure::Unreadable);
}

#[test]
fn rows_are_bounded_and_nesting_does_not_overflow() {
    let rows = format!(r#"{{"count":1,"rows":[{}{{}}]}}"#, "{},".repeat(1000));
    assert_eq!(with_data(&rows).unwrap_err().failure, Failure::Unreadable);
    let deep = format!(r#"{{"count":0,"x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(with_data(&deep).is_ok());
    assert!(ledger(&"[".repeat(100_000)).is_err());
}

#[rstest::rstest]
#[case(r#"{"errcode":"0","data":{"count":0}}"#)]
#[case(r#"{"code":200,"msg":"ok","data":{"count":0}}"#)]
#[case(r#"{"code":"0","data":{"count":0}}"#)]
#[case("\u{feff} \n{\"errcode\":0,\"data\":{\"count\":0}}")]
fn success_has_several_spellings(#[case] body: &str) {
    assert_eq!(ledger(body).unwrap().count, 0);
    // errcode decides, whatever the status.
    assert!(read_ledger(&reply(519, body), &TimeZone::UTC, &[]).is_ok());
}

#[rstest::rstest]
#[case(200, "", Failure::Unreadable)]
#[case(200, "<html>Bad Gateway</html>", Failure::Unreadable)]
#[case(200, r#"{"errcode":0,"data":{"count":1"#, Failure::Unreadable)]
#[case(200, r#"{"data":{"count":0}}"#, Failure::Unreadable)]
#[case(200, r#"{"errcode":null,"data":{"count":0}}"#, Failure::Unreadable)]
#[case(200, r#"{"errcode":0,"errcode":4011}"#, Failure::Unreadable)]
#[case(200, r#"[0]"#, Failure::Unreadable)]
#[case(302, "moved", Failure::Unreadable)]
#[case(404, "404 No Route", Failure::Router)]
#[case(429, "slow down", Failure::Throttled)]
#[case(200, "已被限流", Failure::Throttled)]
#[case(502, "<html>", Failure::Router)]
#[case(503, r#"{"status":503,"error":"x"}"#, Failure::Upstream)]
#[case(200, r#"{"errcode":0,"code":500,"data":null}"#, Failure::Unreadable)]
#[case(200, r#"{"errcode":"-1","msg":"x"}"#, Failure::Upstream)]
#[case(200, r#"{"errcode":200,"data":{"count":0}}"#, Failure::Upstream)]
#[case(401, r#"{"errcode":"1000202001","description":"JWT token has expired"}"#, Failure::Token)]
fn bodies_without_rows_have_a_class(#[case] status: u16, #[case] body: &str, #[case] failure: Failure) {
    let error = read_ledger(&reply(status, body), &TimeZone::UTC, &[]).unwrap_err();
    assert_eq!(error.failure, failure);
}

#[test]
fn both_error_fields_arrive_and_what_was_sent_does_not() {
    let body = r#"{"errcode":"4006","description":"Unauthorized, errDescEn: X-Api-TimeStamp is invalid: 1655775240000[GW]",
        "description_cn":"认证失败, errDescCn: X-Api-TimeStamp过期: 1655775240000[网关] canary"}"#;
    let error = read_ledger(&reply(519, body), &TimeZone::UTC, &["canary"]).unwrap_err();
    assert_eq!((error.failure, error.errcode), (Failure::Clock, Some(4006)));
    assert_eq!(
        error.to_string(),
        "clock (errcode 4006): Unauthorized, errDescEn: X-Api-TimeStamp is invalid: …[GW] / \
         认证失败, errDescCn: X-Api-TimeStamp过期: …[网关] …"
    );
}

#[test]
fn a_token_is_read_with_its_life_and_never_shown() {
    let read = |data: &str| read_token(&reply(200, &format!(r#"{{"errcode":0,"data":{data}}}"#)), &[]);
    let answer =
        read(r#"{"app-token":"canary.a.b","uid":7,"access_token":null,"expires":"1767470851000"}"#).unwrap();
    assert_eq!(answer.expires, Some(1_767_470_851_000));
    assert!(answer.token.is_sensitive());
    assert!(!format!("{answer:?} {:?}", answer.token).contains("canary"));
    assert_eq!(read(r#"{"app-token":"t","expires":null}"#).unwrap().expires, None);
    for bad in [
        "null",
        "{}",
        "[]",
        r#"{"app-token":""}"#,
        r#"{"app-token":null}"#,
        r#"{"app-token":"a b"}"#,
        r#"{"app-token":"会员"}"#,
        r#"{"app_token":"t"}"#,
        r#"{"app-token":"a\r\nb"}"#,
    ] {
        assert_eq!(read(bad).unwrap_err().failure, Failure::Unreadable, "{bad}");
    }
}

#[test]
fn authorisations_are_read_from_a_list_or_an_object() {
    let row =
        r#"{"appKey":"k","appSecret":"canary","domain":"https://tf.jdy.com","accountId":17,"status":"1"}"#;
    let old = r#"{"appKey":"k","appSecret":"canary","domain":"https://tf.jdy.com","status":0}"#;
    let half = r#"{"appKey":"k","appSecret":null,"domain":"https://tf.jdy.com"}"#;
    let read = |data: &str| {
        read_authorizations(&reply(200, &format!(r#"{{"code":200,"msg":"","data":{data}}}"#)), &[])
    };
    let rows = read(&format!("[{row},{old},{half}]")).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].account_id.as_deref(), rows[0].valid, rows[1].valid), (Some("17"), true, false));
    assert!(!format!("{rows:?}").contains("canary"));
    assert_eq!(read(row).unwrap().len(), 1);
    assert!(read("null").unwrap().is_empty());
    assert!(read("[1]").is_err());
}
