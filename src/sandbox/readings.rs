//! How the platform reads what Kingdee's documents leave open (`protocol.md` §9): each answer can be switched.
//!
//! A client that asks must be able to find out either way, so a rehearsal needs either way.

use serde::{Deserialize, Serialize};

/// One answer to every open question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Readings {
    /// Which spellings of a space verify.
    pub space: SpaceReading,
    /// In which order records are listed.
    pub order: RowOrder,
    /// Whether a record at exactly `start_date` is inside.
    pub start: Bound,
    /// Whether a record at exactly `end_date` is inside.
    pub end: Bound,
    /// How many hours the clock by which filters are read is behind the clock by which records are dated: 8 where
    /// filters are in UTC and records in China's time.
    pub filter_hours_behind: i8,
    /// Most rows that a page really has; beyond it a page is cut without a word.
    pub page_size_cap: u64,
    /// What a member id brings that nobody has.
    pub unknown_member: UnknownMember,
}

/// What the server does with the received query before it encodes each half once more (`protocol.md` §1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceReading {
    /// Nothing: the bytes as received. `+` and `%20` both verify, a mixture fails.
    #[default]
    Any,
    /// Decodes and writes a space as `+`: only who signs `%2B` verifies.
    FormOnly,
    /// Decodes and writes a space as `%20`: only who signs `%2520` verifies.
    PercentOnly,
}

/// In which order a member's records are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
    /// By no time at all, but the same each time: the newest first, with each two neighbours swapped.
    Unsorted,
}

/// What happens at an end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// A record at that very second is inside.
    #[default]
    Inclusive,
    /// It is outside.
    Exclusive,
}

/// What a member id brings that nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownMember {
    /// No rows.
    #[default]
    Empty,
    /// A refusal.
    Refused,
    /// Everybody's rows, as if there were no filter.
    Everybody,
}

/// Some answers to change; the others stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    space: Option<SpaceReading>,
    order: Option<RowOrder>,
    start: Option<Bound>,
    end: Option<Bound>,
    filter_hours_behind: Option<i8>,
    page_size_cap: Option<u64>,
    unknown_member: Option<UnknownMember>,
}

/// Furthest that two clocks on the wall are apart.
const FURTHEST_HOURS: u8 = 14;
/// Largest page that anybody sends.
const LARGEST_PAGE: u64 = 1_000;

impl Default for Readings {
    fn default() -> Readings {
        Readings {
            space: SpaceReading::default(),
            order: RowOrder::default(),
            start: Bound::default(),
            end: Bound::default(),
            filter_hours_behind: 0,
            page_size_cap: 100,
            unknown_member: UnknownMember::default(),
        }
    }
}

impl Readings {
    /// Whether a record dated `at` is between these two dates of a filter; all on the shop's wall, as if UTC.
    pub fn is_between(&self, start: Option<i64>, end: Option<i64>, at: i64) -> bool {
        let on_the_wall = |date: i64| date + i64::from(self.filter_hours_behind) * 3_600;
        let after = |start: i64| match self.start {
            Bound::Inclusive => on_the_wall(start) <= at,
            Bound::Exclusive => on_the_wall(start) < at,
        };
        let before = |end: i64| match self.end {
            Bound::Inclusive => at <= on_the_wall(end),
            Bound::Exclusive => at < on_the_wall(end),
        };
        start.is_none_or(after) && end.is_none_or(before)
    }

    /// The index (0 = oldest) of the row at `place` in a list of `rows`.
    pub fn index_at(&self, place: u64, rows: u64) -> u64 {
        let newest_first = |place: u64| rows.saturating_sub(place + 1);
        match self.order {
            RowOrder::NewestFirst => newest_first(place),
            RowOrder::OldestFirst => place,
            RowOrder::Unsorted => {
                newest_first(Some(place ^ 1).filter(|other| *other < rows).unwrap_or(place))
            }
        }
    }
}

impl Change {
    /// The readings that come of it.
    pub fn of(self, now: Readings) -> Readings {
        Readings {
            space: self.space.unwrap_or(now.space),
            order: self.order.unwrap_or(now.order),
            start: self.start.unwrap_or(now.start),
            end: self.end.unwrap_or(now.end),
            filter_hours_behind: self.filter_hours_behind.unwrap_or(now.filter_hours_behind),
            page_size_cap: self.page_size_cap.unwrap_or(now.page_size_cap),
            unknown_member: self.unknown_member.unwrap_or(now.unknown_member),
        }
    }

    /// What is out of bounds.
    pub fn fault(&self) -> Option<String> {
        if self.filter_hours_behind.is_some_and(|hours| hours.unsigned_abs() > FURTHEST_HOURS) {
            return Some(format!("filter_hours_behind: from -{FURTHEST_HOURS} to {FURTHEST_HOURS}"));
        }
        let fits = self.page_size_cap.is_none_or(|cap| (1..=LARGEST_PAGE).contains(&cap));
        (!fits).then(|| format!("page_size_cap: from 1 to {LARGEST_PAGE}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_lists_every_row_once() {
        for order in [RowOrder::NewestFirst, RowOrder::OldestFirst, RowOrder::Unsorted] {
            for rows in [0, 1, 2, 7, 100] {
                let readings = Readings { order, ..Readings::default() };
                let mut listed: Vec<u64> = (0..rows).map(|place| readings.index_at(place, rows)).collect();
                let sorted = listed.is_sorted() || listed.iter().rev().is_sorted();
                assert_eq!(
                    sorted,
                    order != RowOrder::Unsorted || rows < 3,
                    "{order:?} of {rows}: {listed:?}"
                );
                listed.sort_unstable();
                assert!(listed.into_iter().eq(0..rows), "{order:?} of {rows}");
            }
        }
    }

    #[test]
    fn each_end_of_a_window_is_read_as_it_is_switched() {
        let between = |start, end| {
            let readings = Readings { start, end, ..Readings::default() };
            [9, 10, 11, 12].map(|at| readings.is_between(Some(10), Some(11), at))
        };
        assert_eq!(between(Bound::Inclusive, Bound::Inclusive), [false, true, true, false]);
        assert_eq!(between(Bound::Exclusive, Bound::Inclusive), [false, false, true, false]);
        assert_eq!(between(Bound::Inclusive, Bound::Exclusive), [false, true, false, false]);
        let behind = Readings { filter_hours_behind: 8, ..Readings::default() };
        assert!(behind.is_between(Some(0), Some(0), 8 * 3_600) && !behind.is_between(Some(0), Some(0), 0));
    }
}
