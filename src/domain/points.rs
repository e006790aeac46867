//! One line of a points ledger, and the amounts in it.

use compact_str::CompactString;
use jiff::Timestamp;
use jiff::tz::Offset;
use rust_decimal::Decimal;
use serde::ser::{Error as _, Serialize, SerializeStruct, Serializer};
use serde_json::value::RawValue;

use super::member::MemberId;

/// An amount of points as exact decimal text, never a float.
///
/// Kingdee sends text such as `"500"`, or a number; either is kept digit by digit. Only what JSON forbids in a
/// number is dressed: a leading `+` and leading zeros go, a bare `.5` gets its zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsAmount(CompactString);

impl PointsAmount {
    /// Longest text accepted; 28 digits are the most that Kingdee's own decimals hold.
    pub const MAX_LEN: usize = 64;

    /// Reads decimal text: sign, digits, fraction. No exponent, no blanks inside, no other digits than ASCII.
    pub fn parse(text: &str) -> Option<PointsAmount> {
        let text = text.trim_ascii();
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return None;
        }
        let (sign, digits) = match text.as_bytes()[0] {
            b'-' => ("-", &text[1..]),
            b'+' => ("", &text[1..]),
            _ => ("", text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let numeric = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let has_digit = !whole.is_empty() || fraction.is_some_and(|f| !f.is_empty());
        if !has_digit || !numeric(whole) || !fraction.is_none_or(numeric) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let mut exact = CompactString::new(sign);
        exact.push_str(if whole.is_empty() { "0" } else { whole });
        if let Some(fraction) = fraction.filter(|f| !f.is_empty()) {
            exact.push('.');
            exact.push_str(fraction);
        }
        Some(PointsAmount(exact))
    }

    /// The exact text, a valid JSON number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn decimal(&self) -> Option<Decimal> {
        Decimal::from_str_exact(&self.0).ok()
    }
}

impl Serialize for PointsAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// A moment with the offset of the account set's zone: RFC 3339 such as `2022-08-05T00:00:00+08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// The instant.
    pub timestamp: Timestamp,
    /// How far the account set's clocks were from UTC then.
    pub offset: Offset,
}

impl std::fmt::Display for LocalTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.timestamp.display_with_offset(self.offset).fmt(f)
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Points business type (积分业务类型) of a row; any part may be missing upstream.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct EntryType {
    /// `type_id`
    pub id: Option<String>,
    /// `type_number`, the code that the `type` filter takes
    pub number: Option<String>,
    /// `type_name`
    pub name: Option<String>,
}

/// One record of a member's ledger, all eleven fields of the upstream row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `id`; some product versions leave it out (`protocol.md` §6)
    pub id: Option<String>,
    /// `member_id`; rows of another member are dropped before anybody sees them
    pub member: Option<MemberId>,
    /// `member_name`
    pub member_name: Option<String>,
    /// `type_id`, `type_number`, `type_name`
    pub kind: EntryType,
    /// `occur`, points of this record
    pub points: Option<PointsAmount>,
    /// `last_integral`
    pub balance_before: Option<PointsAmount>,
    /// `integral`
    pub balance_after: Option<PointsAmount>,
    /// `create_time`
    pub created_at: Option<LocalTime>,
    /// `modify_time`
    pub updated_at: Option<LocalTime>,
}

impl Entry {
    /// Whether before + points = after. `None` where that can't be said: an amount is missing or beyond 28 digits.
    ///
    /// Kingdee's own sample row doesn't add up; such rows are reported, never refused or repaired.
    pub fn adds_up(&self) -> Option<bool> {
        let before = self.balance_before.as_ref()?.decimal()?;
        let points = self.points.as_ref()?.decimal()?;
        let after = self.balance_after.as_ref()?.decimal()?;
        Some(before.checked_add(points)? == after)
    }
}

/// The JSON that apps see (`api.md`, "A page"): `id` comes first, the cursor's look-up rests on it.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Entry", 7)?;
        row.serialize_field("id", &self.id)?;
        row.serialize_field("type", &self.kind)?;
        row.serialize_field("points", &self.points)?;
        row.serialize_field("balance_before", &self.balance_before)?;
        row.serialize_field("balance_after", &self.balance_after)?;
        row.serialize_field("created_at", &self.created_at)?;
        row.serialize_field("updated_at", &self.updated_at)?;
        row.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_every_digit() {
        for (sent, kept) in [
            ("500", "500"),
            ("-20", "-20"),
            ("20.00", "20.00"),
            ("0", "0"),
            ("-0.50", "-0.50"),
            ("1234567890123456789012345678", "1234567890123456789012345678"),
            ("+20", "20"),
            ("007", "7"),
            (".5", "0.5"),
            ("5.", "5"),
            (" 12 ", "12"),
        ] {
            let amount = PointsAmount::parse(sent).unwrap();
            assert_eq!(amount.as_str(), kept);
            assert_eq!(serde_json::to_string(&amount).unwrap(), kept);
        }
    }

    #[test]
    fn what_is_no_decimal_is_no_amount() {
        for bad in ["", "-", ".", "1e3", "0x10", "１２", "1,000", "NaN", "1 2", "--1", &"9".repeat(65)] {
            assert_eq!(PointsAmount::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_row_that_does_not_add_up_is_noticed_exactly() {
        let row = |before: &str, points: &str, after: &str| Entry {
            id: None,
            member: None,
            member_name: None,
            kind: EntryType::default(),
            points: PointsAmount::parse(points),
            balance_before: PointsAmount::parse(before),
            balance_after: PointsAmount::parse(after),
            created_at: None,
            updated_at: None,
        };
        assert_eq!(row("500", "20", "520").adds_up(), Some(true));
        assert_eq!(row("500", "20", "500").adds_up(), Some(false));
        assert_eq!(row("0.1", "0.2", "0.3").adds_up(), Some(true));
        assert_eq!(row("500", "", "500").adds_up(), None);
        assert_eq!(row(&"9".repeat(40), "1", "1").adds_up(), None);
    }
}
