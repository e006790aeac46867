//! What is documented: the parameters and the body, as OpenAPI tells them.
//!
//! Bodies are written by hand from prepared rows ([`super::body`]); these types are what the tests read them with,
//! so that the document can't drift from what is sent.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::domain::member::MemberId;

/// Parameters of the query. Unknown ones are refused.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // read by hand in `ask`, for speed and to name every fault at once
pub(crate) struct PointsHistoryParameters {
    /// First moment inside the window: RFC 3339 with offset (`+` sent as `%2B`), or a date in the account set's zone.
    #[param(
        nullable = false,
        pattern = r"^\d{4}-\d{2}-\d{2}([Tt ].+)?$",
        max_length = 35,
        example = "2026-01-01"
    )]
    from: Option<String>,
    /// First moment after the window, as `from`.
    #[param(
        nullable = false,
        pattern = r"^\d{4}-\d{2}-\d{2}([Tt ].+)?$",
        max_length = 35,
        example = "2026-12-01"
    )]
    to: Option<String>,
    /// Only records of this points business type (积分业务类型编码).
    #[param(nullable = false, rename = "type", min_length = 1, max_length = 64)]
    kind: Option<String>,
    /// Number of the page, from 1. Not together with `cursor`.
    #[param(nullable = false, minimum = 1, maximum = 1_000_000, default = 1)]
    page: Option<u32>,
    /// Records on a page.
    #[param(nullable = false, minimum = 1, maximum = 100, default = 20, example = 20)]
    page_size: Option<u8>,
    /// `next_cursor` of an earlier answer to the same question. Walking by cursor shows every record that existed at the
    /// start exactly once, even while records are added. Rests on Kingdee listing records in a stable order.
    #[param(nullable = false, pattern = "^[A-Za-z0-9_-]+$", min_length = 28, max_length = 160)]
    cursor: Option<String>,
}

/// Headers of a request that change the answer.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)]
pub(crate) struct RequestHeaders {
    /// `no-cache` asks Kingdee again (once per member in five seconds); `only-if-cached` never asks.
    #[param(nullable = false, rename = "Cache-Control")]
    cache_control: Option<String>,
    /// `ETag` of an earlier answer: 304 without a body if the rows are the same.
    #[param(nullable = false, rename = "If-None-Match")]
    if_none_match: Option<String>,
    /// Echoed, and named in the log: 1 to 64 of `A-Z a-z 0-9 . _ -`. Anything else is replaced.
    #[param(nullable = false, rename = "X-Request-Id")]
    x_request_id: Option<String>,
}

/// The path of a member.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code)]
pub(crate) struct MemberPath {
    /// Member id (会员ID), compared byte for byte.
    #[param(pattern = "^[A-Za-z0-9_-]{1,64}$", example = "1003")]
    member_id: String,
}

/// The path of an account set.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code)]
pub(crate) struct AccountPath {
    /// Name of the account set (账套) in the gateway's configuration.
    #[param(pattern = "^[a-z0-9_-]{1,32}$", example = "main")]
    account: String,
}

const _: () = assert!(MemberId::MAX_LEN == 64); // the pattern above says so

/// One page of a member's points records.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointsHistoryPage {
    /// Whose records these are.
    pub member: Member,
    /// The records, in Kingdee's order.
    pub entries: Vec<PointsEntry>,
    /// Number of this page; missing where a cursor led here.
    #[schema(minimum = 1, example = 1, nullable = false)]
    pub page: Option<u32>,
    /// Records on a full page.
    #[schema(minimum = 1, maximum = 100, example = 20)]
    pub page_size: u8,
    /// Records in the whole answer, all pages together.
    #[schema(example = 57)]
    pub total: u32,
    /// Pages of this size.
    #[schema(example = 3)]
    pub total_pages: u32,
    /// Send it as `cursor` for the records after these; null at the end.
    pub next_cursor: Option<String>,
    /// When the records were read from Kingdee.
    #[schema(format = DateTime, example = "2026-11-24T10:00:00+08:00")]
    pub as_of: String,
}

/// A member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PointsMember)]
pub struct Member {
    /// Member id (会员ID), as asked.
    #[schema(example = "1003")]
    pub id: String,
    /// Name (会员名称) as on the records; null where there are none.
    #[schema(example = "王小满")]
    pub name: Option<String>,
}

/// One points record (积分流水).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointsEntry {
    /// Id of the record; some versions of Kingdee leave it out.
    #[schema(example = "1892734650128374651")]
    pub id: Option<String>,
    /// What kind of business changed the points.
    pub r#type: PointsType,
    /// Points of this record (当次积分), exact decimal text. The sign is Kingdee's.
    #[schema(value_type = Option<f64>, example = 20)]
    pub points: Option<Box<RawValue>>,
    /// Points before (上存积分).
    #[schema(value_type = Option<f64>, example = 480)]
    pub balance_before: Option<Box<RawValue>>,
    /// Points after (结存积分). Kingdee's own records do not always add up; they are shown as sent.
    #[schema(value_type = Option<f64>, example = 500)]
    pub balance_after: Option<Box<RawValue>>,
    /// When the record was made.
    #[schema(format = DateTime, example = "2026-08-05T09:30:00+08:00")]
    pub created_at: Option<String>,
    /// When it was last changed.
    #[schema(format = DateTime, example = "2026-08-05T09:30:00+08:00")]
    pub updated_at: Option<String>,
}

/// Points business type (积分业务类型).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointsType {
    /// Kingdee's id of the type.
    #[schema(example = "1")]
    pub id: Option<String>,
    /// Its code (编码), which the `type` parameter takes.
    #[schema(example = "001")]
    pub number: Option<String>,
    /// Its name.
    #[schema(example = "消费积分")]
    pub name: Option<String>,
}
