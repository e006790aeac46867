//! Kingdee's own words, made fit for a log: one short line without numbers, keys or names that were asked for.

use crate::telemetry::line::is_forging;

/// Longest text that is kept, in characters.
pub const MAX_CHARS: usize = 160;

/// Values of so few bytes, such as a page's number, are in many words by chance; they are masked where they stand alone.
const SHORT: usize = 3;

/// Cleans a text that came from outside.
///
/// Control characters become blanks. A word that could identify somebody or open something is replaced by `…`:
/// one with five digits in a row (timestamps, phone numbers, ids), a very long one (signatures, tokens), and each
/// of `known`, the values that were sent, whatever is written around it (`member_id=…`).
pub fn scrub(text: &str, known: &[&str]) -> String {
    let mut clean = String::with_capacity(text.len().min(4 * MAX_CHARS));
    let mut rest = text;
    let mut kept = 0;
    while let Some(first) = rest.chars().next() {
        if kept >= MAX_CHARS {
            clean.push('…');
            break;
        }
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if length == 0 {
            clean.push(if is_forging(first) { ' ' } else { first });
            kept += 1;
            rest = &rest[first.len_utf8()..];
        } else {
            let (word, after) = rest.split_at(length);
            let shown = if is_telling(word, known) { "…" } else { word };
            clean.push_str(shown);
            kept += shown.chars().count();
            rest = after;
        }
    }
    clean
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | '=' | '.' | '%')
}

fn is_telling(word: &str, known: &[&str]) -> bool {
    let digits = |window: &[u8]| window.iter().all(u8::is_ascii_digit);
    let part = |known: &&str| known.len() > SHORT && word.contains(known);
    word.len() > 40
        || word.as_bytes().windows(5).any(digits)
        || word.split(['=', '/', '.', '+', '%']).chain([word]).any(|part| known.contains(&part))
        || known.iter().any(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kingdees_own_sentences_stay_readable() {
        for text in [
            "API not found[GW]",
            "认证失败, 应用ID为空[网关]",
            "JWT token has expired",
            "X-Api-Signature is invalid",
        ] {
            assert_eq!(scrub(text, &["1"]), text);
        }
    }

    #[test]
    fn numbers_keys_and_known_values_are_masked() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3NjcyMDAwMDB9.abc";
        let text = format!("bad 13800138000 of vip_A, token {token}: {}", "QUJD".repeat(22));
        assert_eq!(scrub(&text, &["vip_A"]), "bad … of …, token …: …");
        assert_eq!(scrub("会员13800138000不存在", &[]), "会员…不存在");
    }

    #[test]
    fn a_known_value_is_masked_whatever_is_written_around_it() {
        let known = ["vip_A", "1", "100"];
        for text in ["member_id=vip_A", "/vip_A/points", "vip_A.", "id:vip_A", "xvip_Ax", "page=1", "a/100"] {
            assert!(scrub(text, &known).ends_with('…') && !scrub(text, &known).contains("vip"), "{text}");
        }
        assert_eq!(scrub("errcode 4001 v2.10", &known), "errcode 4001 v2.10");
    }

    #[test]
    fn one_event_stays_one_short_line() {
        let text = format!("a\r\nb\u{1b}[31m\u{2028}\u{202e}{}", "长".repeat(5000));
        let clean = scrub(&text, &[]);
        assert!(clean.starts_with("a  b [31m"));
        assert!(!clean.chars().any(is_forging));
        assert!(clean.chars().count() <= MAX_CHARS + 1);
    }
}
