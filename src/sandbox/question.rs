//! What an `integral_record` call asks for, read from its raw query.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;

use super::refusal::Refusal;

/// Filters and position of one call.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// 流水记录ID
    pub id: Option<String>,
    /// 积分业务类型编码
    pub kind: Option<String>,
    /// 会员ID
    pub member: Option<String>,
    /// 会员手机号码
    pub mobile: Option<String>,
    /// First date, on the shop's wall as if UTC.
    pub start: Option<i64>,
    /// Last date, on the shop's wall as if UTC.
    pub end: Option<i64>,
    /// From 1.
    pub page: u64,
    /// As asked, however large.
    pub page_size: u64,
}

impl Question {
    /// Reads the query. An empty value counts as none; a name that the endpoint doesn't have is ignored, as
    /// Kingdee's own pages with their stray parameters suggest.
    pub fn read(query: &str) -> Result<Question, Refusal> {
        let mut question = Question { page: 1, page_size: 10, ..Question::default() };
        for (name, value) in params(query).filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "id" => question.id = Some(value),
                "integral_type" => question.kind = Some(value),
                "member_id" => question.member = Some(value),
                "mobile" => question.mobile = Some(value),
                "start_date" => question.start = Some(second(&value, "start_date")?),
                "end_date" => question.end = Some(second(&value, "end_date")?),
                "page" => question.page = number(&value, "page")?,
                "page_size" => question.page_size = number(&value, "page_size")?,
                _ => {}
            }
        }
        Ok(question)
    }
}

impl std::fmt::Debug for Question {
    /// The position only: the rest is people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Question(page {} of {} rows)", self.page, self.page_size)
    }
}

/// Names and values of a query, decoded: `+` and `%20` are both a space.
pub fn params(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query.split('&').filter(|item| !item.is_empty()).map(move |item| {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        (decode(name), decode(value))
    })
}

/// `yyyy-MM-dd HH:mm:ss`, or a date alone for its first second.
fn second(value: &str, name: &'static str) -> Result<i64, Refusal> {
    DateTime::strptime("%Y-%m-%d %H:%M:%S", value)
        .or_else(|_| Date::strptime("%Y-%m-%d", value).map(|date| date.at(0, 0, 0, 0)))
        .and_then(|time| TimeZone::UTC.to_timestamp(time))
        .map(|time| time.as_second())
        .map_err(|_| Refusal::ParameterFormat(name))
}

fn number(value: &str, name: &'static str) -> Result<u64, Refusal> {
    let number = value.parse::<u32>().map_err(|_| Refusal::ParameterType(name))?;
    if number == 0 { Err(Refusal::ParameterType(name)) } else { Ok(u64::from(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_chinese_are_read_in_both_encodings() {
        for query in ["start_date=2026-11-20+18%3A30%3A00", "start_date=2026-11-20%2018%3A30%3A00"] {
            assert_eq!(Question::read(query).unwrap().start, Some(crate::sandbox::rows::NEWEST));
        }
        let question = Question::read("integral_type=%E7%AD%BE%E5%88%B0&page_size=300&page=").unwrap();
        assert_eq!(question.kind.as_deref(), Some("签到"));
        assert_eq!((question.page, question.page_size), (1, 300));
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name() {
        assert_eq!(Question::read("end_date=1"), Err(Refusal::ParameterFormat("end_date")));
        assert_eq!(Question::read("page=0"), Err(Refusal::ParameterType("page")));
        assert_eq!(Question::read("page_size=-1"), Err(Refusal::ParameterType("page_size")));
    }
}
