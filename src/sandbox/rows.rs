//! The seeded ledger: any row of any member, computed when asked for, the same in every process.
//!
//! A row is a function of its member and its index (0 = oldest), so 25 000 rows cost no memory, and rows inserted
//! later change none of the older ones. Balances are drawn first and amounts are their differences: that is what
//! keeps a running balance consistent without summing up.

use super::dice;
use super::members::{MEMBERS, SandboxMember, SandboxType, TYPES};

/// 2026-11-20 18:30:00 on the shop's wall, read as if it were UTC: when every member's newest seeded row happened.
pub const NEWEST: i64 = 1_795_199_400;
/// Seeded rows of a member lie this far apart on average, so that all of them fit into about two years …
const SPAN_SECONDS: i64 = 2 * 365 * DAY;
/// … but never further than this.
const WIDEST_STEP: i64 = 9 * DAY;
const DAY: i64 = 24 * 60 * 60;

/// The member whose rows have no ids here and there.
const WITHOUT_IDS: usize = 2;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whose.
    pub member: &'static SandboxMember,
    /// Unique record id of 18 or 19 digits, or what Kingdee shows instead of one.
    pub id: RowId,
    /// Seconds on the shop's wall, as if UTC; never before an older row's.
    pub at: i64,
    /// How the time is written.
    pub shape: TimeShape,
    /// Seconds from creation to the last change, if it was ever changed.
    pub modified_after: Option<i64>,
    /// 积分业务类型
    pub kind: &'static SandboxType,
    /// 上存积分
    pub before: i64,
    /// 当次积分
    pub occur: i64,
    /// 结存积分; in some odd rows not before + occur, as in Kingdee's own sample.
    pub after: i64,
    /// Written with two decimals.
    pub decimals: bool,
}

/// What stands in a row's `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowId {
    /// An id.
    Number(u64),
    /// `null`
    Null,
    /// No such field.
    Missing,
}

/// The shapes in which times come (`protocol.md` §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeShape {
    /// `2020-03-02 15:15:59`
    Full,
    /// `2020-08-11 09:42:59.0`
    Fraction,
    /// `2020-04-10 16:23:4`
    ShortSecond,
    /// `2022-08-05`, only for rows that happened at midnight.
    DateOnly,
}

/// The row of member `who` (its place in [`MEMBERS`]) with this index.
pub fn row(who: usize, index: u64) -> Option<Row> {
    let member = MEMBERS.get(who)?;
    let chance = scatter(who, index);
    let (at, date_only) = time(who, member, index);
    let before = if index == 0 { 0 } else { balance(who, index - 1) };
    let occur = balance(who, index) - before;
    let odd = chance % 97 == 13;
    Some(Row {
        member,
        id: match (who, chance % 14) {
            (WITHOUT_IDS, 3) => RowId::Null,
            (WITHOUT_IDS, 10) => RowId::Missing,
            _ => RowId::Number(record_id(who, index)),
        },
        at,
        shape: shape(at, date_only, chance),
        modified_after: (!chance.is_multiple_of(5)).then(|| i64::try_from(chance % 3_600).unwrap_or(0)),
        kind: kind(occur, chance),
        before,
        occur,
        after: if odd { before } else { before + occur },
        decimals: chance % 41 == 7,
    })
}

/// Where the row with this record id is, if there is one: member and index.
pub fn find(id: u64, rows_of: impl Fn(usize) -> u64) -> Option<(usize, u64)> {
    let who = usize::try_from(id % FIRST_ID / PER_MEMBER).ok()?;
    let index = id % PER_MEMBER / PER_ROW;
    let exists = who < MEMBERS.len() && index < rows_of(who) && record_id(who, index) == id;
    exists.then_some((who, index))
}

const FIRST_ID: u64 = 100_000_000_000_000_000;
const PER_MEMBER: u64 = 1_000_000_000_000_000;
const PER_ROW: u64 = 1_000;

/// 19 digits for one half of the members, 18 for the other.
fn record_id(who: usize, index: u64) -> u64 {
    let who = who as u64;
    let front = if who.is_multiple_of(2) { 13 } else { 8 };
    front * FIRST_ID + who * PER_MEMBER + index * PER_ROW + scatter(42, index) % PER_ROW
}

/// Balance after a row: rising slowly, never negative.
fn balance(who: usize, index: u64) -> i64 {
    i64::try_from(index * 7 + scatter(who + 100, index) % 200).unwrap_or(0)
}

fn kind(occur: i64, chance: u64) -> &'static SandboxType {
    let number = match (occur, chance % 10) {
        (0, _) => 5,
        (1..=20, _) => 1,
        (1.., 0 | 1) => 4,
        (1.., _) => 0,
        (_, 0 | 1) => 3,
        (_, _) => 2,
    };
    &TYPES[number]
}

/// When a row happened, and whether its time is written as a date.
fn time(who: usize, member: &SandboxMember, index: u64) -> (i64, bool) {
    let raw = raw_time(who, member, index);
    let first_of_day = index == 0 || raw_time(who, member, index - 1) / DAY < raw / DAY;
    let date_only = first_of_day && index + 1 < member.rows && scatter(who + 200, index).is_multiple_of(4);
    // The row before is of an earlier day, so midnight is still later than it.
    (if date_only { raw - raw % DAY } else { raw }, date_only)
}

fn raw_time(who: usize, member: &SandboxMember, index: u64) -> i64 {
    let distance = |rows: u64| i64::try_from(rows).unwrap_or(0);
    if index >= member.rows {
        return NEWEST + 60 * distance(index - member.rows + 1); // inserted later
    }
    let from_newest = distance(member.rows - 1 - index);
    if from_newest == 0 {
        return NEWEST;
    }
    let step = (SPAN_SECONDS / distance(member.rows)).min(WIDEST_STEP);
    let jitter = i64::try_from(scatter(who + 300, index)).unwrap_or(i64::MAX) % (step / 2);
    NEWEST - from_newest * step - jitter
}

fn shape(at: i64, date_only: bool, chance: u64) -> TimeShape {
    if date_only {
        TimeShape::DateOnly
    } else if at % 60 < 10 && chance.is_multiple_of(2) {
        TimeShape::ShortSecond
    } else if chance % 8 == 1 {
        TimeShape::Fraction
    } else {
        TimeShape::Full
    }
}

fn scatter(seed: usize, index: u64) -> u64 {
    dice::scatter(seed as u64, index)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    fn all(who: usize) -> impl Iterator<Item = Row> {
        (0..MEMBERS[who].rows).map(move |index| row(who, index).unwrap())
    }

    #[test]
    fn times_never_go_back_and_end_at_the_newest_row() {
        for who in 0..MEMBERS.len() {
            let times: Vec<i64> = all(who).map(|row| row.at).collect();
            assert!(times.is_sorted(), "member {who}");
            assert!(times.last().is_none_or(|last| *last == NEWEST));
        }
        assert!(row(6, 25_000).unwrap().at > NEWEST);
    }

    #[test]
    fn a_row_begins_where_the_older_one_should_have_ended() {
        let rows: Vec<Row> = all(5).collect();
        for pair in rows.windows(2) {
            assert_eq!(pair[0].before + pair[0].occur, pair[1].before);
        }
        let odd = rows.iter().filter(|row| row.before + row.occur != row.after).count();
        assert!((1..50).contains(&odd), "{odd} odd rows");
    }

    #[test]
    fn record_ids_are_unique_and_lead_back_to_their_row() {
        let mut seen = HashSet::new();
        for (who, member) in MEMBERS.iter().enumerate() {
            for index in 0..member.rows {
                let id = record_id(who, index);
                assert!((18..=19).contains(&id.to_string().len()));
                assert!(seen.insert(id));
                assert_eq!(find(id, |who| MEMBERS[who].rows), Some((who, index)));
            }
        }
        assert_eq!(find(1, |who| MEMBERS[who].rows), None);
    }

    #[test]
    fn every_quirk_occurs_where_a_page_can_show_it() {
        let shapes: HashSet<_> = all(5).map(|row| format!("{:?}", row.shape)).collect();
        assert_eq!(shapes.len(), 4, "{shapes:?}");
        assert!(all(5).any(|row| row.modified_after.is_none()) && all(5).any(|row| row.decimals));
        let types: BTreeSet<_> = all(5).map(|row| row.kind.number).collect();
        assert_eq!(types.len(), TYPES.len());
        assert!(all(WITHOUT_IDS).any(|row| row.id == RowId::Null));
        assert!(all(WITHOUT_IDS).any(|row| row.id == RowId::Missing));
    }
}
