//! Times and sizes as people write them: `30s`, `24h`, `256MiB`.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads `250ms`, `30s`, `5m`, `1h 30m`, `24h`; a bare number has no unit and is refused.
pub fn duration(text: &str) -> Option<Duration> {
    let friendly = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(':');
    let read: SignedDuration = friendly.then(|| text.parse().ok())??;
    Duration::try_from(read).ok()
}

/// Writes what [`duration`] reads.
pub fn duration_text(time: Duration) -> String {
    SignedDuration::try_from(time).map_or_else(|_| format!("{}s", time.as_secs()), |time| format!("{time:#}"))
}

const UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads `256MiB`, `4 KiB`, `1000`; `MB` is refused, since nobody knows which one is meant.
pub fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit || (unit.is_empty() && *name == "B"))?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

/// Writes what [`bytes()`] reads, in the largest unit that divides it.
pub fn bytes_text(bytes: u64) -> String {
    let fits = |(_, size): &&(&str, u64)| bytes >= *size && bytes.is_multiple_of(*size) && *size > 1;
    match UNITS.iter().find(fits) {
        Some((name, size)) => format!("{}{name}", bytes / size),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_unit() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("1h 30m", 5_400_000),
            ("0s", 0),
        ] {
            let time = duration(text).unwrap();
            assert_eq!(time, Duration::from_millis(millis), "{text}");
            assert_eq!(duration_text(time), text);
        }
    }

    #[test]
    fn a_time_without_unit_or_below_zero_is_none() {
        for bad in [
            "",
            "30",
            "-5s",
            "5s ago",
            "s",
            "PT5S",
            "1 fortnight",
            "00:05:00",
            " 5s",
            "1e3s",
            "9999999999999999999h",
        ] {
            assert_eq!(duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_are_binary_or_plain() {
        for (text, size) in
            [("256MiB", 256 << 20), ("1000", 1000), ("4KiB", 4096), ("1TiB", 1 << 40), ("0", 0)]
        {
            assert_eq!(bytes(text), Some(size), "{text}");
            assert_eq!(bytes_text(size), text);
        }
        assert_eq!(bytes("4 KiB"), Some(4096));
        assert_eq!(bytes("8B"), Some(8));
    }

    #[test]
    fn sizes_that_can_be_misread_are_none() {
        for bad in ["", "256MB", "256M", "256mib", "-1", "1.5GiB", "MiB", "99999999TiB", "1_000", "４KiB"] {
            assert_eq!(bytes(bad), None, "{bad:?}");
        }
    }
}
