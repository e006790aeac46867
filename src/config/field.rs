//! How the text of a key becomes a field of a draft, and back.
//!
//! `D` is the draft that holds the field: all settings, or those of one account set.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::tz::TimeZone;
use secrecy::SecretString;
use url::Url;

use super::address;
use super::amount::{bytes, bytes_text, duration, duration_text};
use super::given::Problem;
use super::origin::quoted;
use super::rule::Rule;

/// What a key takes and where it goes.
pub enum Field<D: 'static> {
    /// A time, in milliseconds from least to most.
    Time(RangeInclusive<u64>, fn(&mut D) -> &mut Duration),
    /// A number of things.
    Count(RangeInclusive<u64>, Number<D>),
    /// A number of bytes.
    Bytes(RangeInclusive<u64>, Number<D>),
    /// Yes or no.
    Flag(fn(&mut D) -> &mut bool),
    /// One of some words.
    Word(Words<D>),
    /// Address and port to listen on.
    Socket(fn(&mut D) -> &mut SocketAddr),
    /// Address of a server.
    Server(fn(&mut D) -> &mut Url),
    /// Address of a collector of spans. Its path may hold a key, so it is not shown.
    Collector(fn(&mut D) -> &mut Option<Url>),
    /// Name of a time zone.
    Zone(fn(&mut D) -> &mut TimeZone),
    /// Text that keeps a rule.
    Text(&'static Rule, fn(&mut D) -> &mut Option<String>),
    /// Text that keeps a rule and is never shown.
    Secret(&'static Rule, fn(&mut D) -> &mut Option<SecretString>),
    /// Several texts that each keep a rule.
    List(&'static Rule, fn(&mut D) -> &mut Vec<String>),
}

/// A field that holds a whole number.
pub enum Number<D: 'static> {
    /// 8 bits.
    U8(fn(&mut D) -> &mut u8),
    /// 16 bits.
    U16(fn(&mut D) -> &mut u16),
    /// 32 bits.
    U32(fn(&mut D) -> &mut u32),
    /// 64 bits.
    U64(fn(&mut D) -> &mut u64),
    /// A size in memory.
    Size(fn(&mut D) -> &mut usize),
}

/// Words and the variants that they mean; made by `words!`.
pub struct Words<D: 'static> {
    /// Every word.
    pub all: &'static [&'static str],
    /// Sets the variant of a word; false for any other text.
    pub set: fn(&mut D, &str) -> bool,
    /// The word of the variant that is set.
    pub get: fn(&mut D) -> Option<&'static str>,
}

impl<D> Number<D> {
    fn get(&self, draft: &mut D) -> u64 {
        match self {
            Number::U8(at) => u64::from(*at(draft)),
            Number::U16(at) => u64::from(*at(draft)),
            Number::U32(at) => u64::from(*at(draft)),
            Number::U64(at) => *at(draft),
            Number::Size(at) => *at(draft) as u64,
        }
    }

    /// Sets the number; false if there is none, if it is out of `range` or if the field is too small for it.
    fn set(&self, draft: &mut D, number: Option<u64>, range: &RangeInclusive<u64>) -> bool {
        fn narrow<T: TryFrom<u64>>(number: u64) -> Option<T> {
            T::try_from(number).ok()
        }
        let Some(number) = number.filter(|number| range.contains(number)) else { return false };
        match self {
            Number::U8(at) => put(at(draft), narrow(number)),
            Number::U16(at) => put(at(draft), narrow(number)),
            Number::U32(at) => put(at(draft), narrow(number)),
            Number::U64(at) => put(at(draft), Some(number)),
            Number::Size(at) => put(at(draft), narrow(number)),
        }
    }
}

impl<D> Field<D> {
    /// What is allowed, in words.
    pub fn allowed(&self) -> String {
        let time = |millis: &u64| duration_text(Duration::from_millis(*millis));
        match self {
            Field::Time(range, _) => format!("a time from {} to {}", time(range.start()), time(range.end())),
            Field::Count(range, _) => format!("a whole number from {} to {}", range.start(), range.end()),
            Field::Bytes(range, _) => {
                format!("a size from {} to {}", bytes_text(*range.start()), bytes_text(*range.end()))
            }
            Field::Flag(_) => "true or false".into(),
            Field::Word(words) => words.all.join(" or "),
            Field::Socket(_) => "IP address and port".into(),
            Field::Server(_) => "https://host or https://host:port; http only for this machine itself".into(),
            Field::Collector(_) => {
                "http or https, a host, perhaps a port and a path; no user name, no password".into()
            }
            Field::Zone(_) => "a name of the IANA time zone database".into(),
            Field::Text(rule, _) | Field::Secret(rule, _) => rule.allowed.into(),
            Field::List(rule, _) => format!("a list of {}", rule.allowed),
        }
    }

    /// Whether values of this key are never shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Field::Secret(..))
    }

    /// Reads `text` into the draft.
    ///
    /// # Errors
    /// What is wrong with the text, without the text itself if it is secret.
    pub fn put(&self, text: &str, draft: &mut D) -> Result<(), Problem> {
        let (done, fix) = match self {
            Field::Time(range, at) => {
                let inside =
                    |time: &Duration| range.contains(&u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
                let fix = "Write a number with its unit, as in 250ms, 30s, 5m or 24h.";
                (put(at(draft), duration(text).filter(inside)), fix)
            }
            Field::Count(range, number) => {
                let read = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
                (number.set(draft, read, range), "Write digits only.")
            }
            Field::Bytes(range, number) => {
                (number.set(draft, bytes(text), range), "Write digits, and KiB, MiB or GiB behind them.")
            }
            Field::Flag(at) => (put(at(draft), text.parse().ok()), "Write true or false."),
            Field::Word(words) => ((words.set)(draft, text), "Write one of these words."),
            Field::Socket(at) => (put(at(draft), text.parse().ok()), "Write it as in 0.0.0.0:8080."),
            Field::Zone(at) => {
                (put(at(draft), super::draft::zone(text)), "Write the zone's name, as in Asia/Shanghai.")
            }
            Field::Server(at) => {
                let url = address::server(text).map_err(|flaw| {
                    Problem::new(
                        format!("it does not fit: {flaw}"),
                        "Write it as in https://api.kingdee.com.",
                    )
                })?;
                (put(at(draft), Some(url)), "")
            }
            Field::Collector(at) => {
                let url = address::collector(text).map_err(|flaw| {
                    Problem::new(format!("it does not fit: {flaw}"), "Write it as in http://127.0.0.1:4318.")
                })?;
                (put(at(draft), Some(Some(url))), "")
            }
            Field::Text(rule, at) => (put(at(draft), rule.read(text).map(Some)), rule.fix),
            Field::Secret(rule, at) => {
                let secret = rule.read(text).map(|text| Some(SecretString::from(text)));
                if !put(at(draft), secret) {
                    let problem = format!("its value, which is not shown, {}", flaw(text));
                    return Err(Problem::new(problem, rule.fix));
                }
                (true, rule.fix)
            }
            Field::List(rule, at) => {
                let items = text.split(',').map(|item| rule.read(item.trim())).collect();
                (put(at(draft), items), rule.fix)
            }
        };
        if done { Ok(()) } else { Err(Problem::new(format!("{} does not fit", quoted(text)), fix)) }
    }

    /// The text that [`Field::put`] would read; `None` if nothing is set. A secret shows that it is there.
    pub fn show(&self, draft: &mut D) -> Option<String> {
        Some(match self {
            Field::Time(_, at) => duration_text(*at(draft)),
            Field::Count(_, number) => number.get(draft).to_string(),
            Field::Bytes(_, number) => bytes_text(number.get(draft)),
            Field::Flag(at) => at(draft).to_string(),
            Field::Word(words) => (words.get)(draft)?.to_owned(),
            Field::Socket(at) => at(draft).to_string(),
            Field::Server(at) => at(draft).as_str().trim_end_matches('/').to_owned(),
            Field::Collector(at) => address::without_key(at(draft).as_ref()?),
            Field::Zone(at) => at(draft).iana_name().unwrap_or("unknown").to_owned(),
            Field::Text(_, at) => at(draft).clone()?,
            Field::Secret(_, at) => at(draft).as_ref().map(|_| "[redacted]".to_owned())?,
            Field::List(_, at) => at(draft).join(", "),
        })
    }

    /// Copies the field from one draft to another.
    pub fn copy(&self, from: &mut D, to: &mut D) {
        match self {
            Field::Text(_, at) => *at(to) = at(from).clone(),
            Field::Secret(_, at) => *at(to) = at(from).clone(),
            Field::Collector(at) => *at(to) = at(from).clone(),
            _ => {
                // Whatever is shown of the others was read once.
                let _done = self.show(from).map(|text| self.put(&text, to));
            }
        }
    }

    /// The whole value, if it is not shown as a whole.
    pub fn secret(&self, draft: &mut D) -> Option<SecretString> {
        match self {
            Field::Secret(_, at) => at(draft).clone(),
            Field::Collector(at) => at(draft).as_ref().map(|url| SecretString::from(url.as_str())),
            _ => None,
        }
    }

    /// The field as a number that can be compared with another one of its kind.
    pub fn measure(&self, draft: &mut D) -> Option<u128> {
        match self {
            Field::Time(_, at) => Some(at(draft).as_nanos()),
            Field::Count(_, number) | Field::Bytes(_, number) => Some(u128::from(number.get(draft))),
            _ => None,
        }
    }
}

/// What can be said about a secret that doesn't fit without telling anything of it: what the eye doesn't see.
fn flaw(text: &str) -> &'static str {
    match text {
        "" => "is empty",
        _ if text.contains(['\n', '\r']) => "has more than one line",
        _ if text.contains(char::is_whitespace) => "has a blank in it, or before or behind it",
        _ if !text.is_ascii() => "has characters that are not ASCII",
        _ => "does not fit",
    }
}

/// Puts a value into its place, if there is one.
fn put<T>(place: &mut T, value: Option<T>) -> bool {
    value.map(|value| *place = value).is_some()
}
