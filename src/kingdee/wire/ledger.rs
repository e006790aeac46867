//! The answer of `integral_record`: six fields around the rows, eleven in each row.

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::open;
use super::list::{Elements, object};
use super::scalar::{Scalar, filled, scalar, whole, without_exponent};
use super::time::local_time;
use crate::domain::ledger::LedgerAnswer;
use crate::domain::member::MemberId;
use crate::domain::points::{Entry, EntryType, LocalTime, PointsAmount};
use crate::kingdee::classify::Asked;
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::reply::Reply;

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default, deserialize_with = "scalar")]
    count: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    page: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    current_page: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    page_size: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    cur_page_size: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    current_page_size: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    total_page: Scalar<'a>,
    #[serde(borrow, default)]
    rows: Option<Elements<'a>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow, default, deserialize_with = "scalar")]
    id: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    member_id: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    member_name: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    type_id: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    type_number: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    type_name: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    occur: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    last_integral: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    integral: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    create_time: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    modify_time: Scalar<'a>,
}

/// Reads an answer about records; times without zone are in `zone`.
///
/// # Errors
/// Kingdee's refusal in its class, or [`Failure::Unreadable`] with the name of the field that can't be read.
/// The values in `known` appear in no error.
pub fn read_ledger(reply: &Reply, zone: &TimeZone, known: &[&str]) -> Result<LedgerAnswer, KingdeeError> {
    let data: Data<'_> = open(reply, Asked::Records, known)?
        .and_then(object)
        .ok_or_else(|| unreadable("data is missing or no object of the known shape"))?;
    let rows = data.rows.unwrap_or_default().0;
    Ok(LedgerAnswer {
        count: number(&data.count, "count")?.ok_or_else(|| unreadable("count is missing"))?,
        page: number(&data.page, "page")?.or(number(&data.current_page, "current_page")?),
        page_size: number(&data.page_size, "page_size")?,
        cur_page_size: number(&data.cur_page_size, "cur_page_size")?
            .or(number(&data.current_page_size, "current_page_size")?),
        total_page: number(&data.total_page, "total_page")?,
        rows: rows.into_iter().map(|row| entry(row, zone)).collect::<Result<_, _>>()?,
    })
}

fn entry(row: &RawValue, zone: &TimeZone) -> Result<Entry, KingdeeError> {
    let row: Row<'_> = object(row).ok_or_else(|| unreadable("a row is no object of the known shape"))?;
    Ok(Entry {
        id: filled(&row.id).map(str::to_owned),
        member: member(&row.member_id)?,
        member_name: row.member_name.map(String::from),
        points: amount(&row.occur, "occur")?,
        balance_before: amount(&row.last_integral, "last_integral")?,
        balance_after: amount(&row.integral, "integral")?,
        created_at: time(&row.create_time, "create_time", zone)?,
        updated_at: time(&row.modify_time, "modify_time", zone)?,
        kind: EntryType {
            id: row.type_id.map(String::from),
            number: row.type_number.map(String::from),
            name: row.type_name.map(String::from),
        },
    })
}

/// An id that is sent but isn't one must never pass for "not sent": the row could be anybody's.
fn member(value: &Scalar<'_>) -> Result<Option<MemberId>, KingdeeError> {
    let read =
        |text: &str| MemberId::parse(text).ok_or_else(|| unreadable("a row's member_id is no member id"));
    value.as_deref().map(read).transpose()
}

fn number(value: &Scalar<'_>, name: &str) -> Result<Option<u64>, KingdeeError> {
    read(value, name, whole)
}

fn amount(value: &Scalar<'_>, name: &str) -> Result<Option<PointsAmount>, KingdeeError> {
    read(value, name, |text| {
        PointsAmount::parse(text)
            .or_else(|| without_exponent(text).and_then(|plain| PointsAmount::parse(&plain)))
    })
}

fn time(value: &Scalar<'_>, name: &str, zone: &TimeZone) -> Result<Option<LocalTime>, KingdeeError> {
    read(value, name, |text| local_time(text, zone))
}

/// Null and blank are nothing; everything else must be readable.
fn read<T>(
    value: &Scalar<'_>,
    name: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, KingdeeError> {
    match filled(value) {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or_else(|| unreadable(format!("{name} can't be read"))),
    }
}

fn unreadable(what: impl Into<String>) -> KingdeeError {
    KingdeeError::because(Failure::Unreadable, what)
}
