//! Mutated answers never panic, and never turn into rows of another kind.

use proptest::prelude::{Strategy, any, prop_assert, proptest};

use super::shapes::{SAMPLE, ledger};

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<proptest::sample::Index>(), any::<u8>(), 0..4u8);
    proptest::collection::vec(edit, 0..12).prop_map(|edits| {
        let mut body = SAMPLE.as_bytes().to_vec();
        for (at, byte, how) in edits {
            let at = at.index(body.len().max(1)).min(body.len().saturating_sub(1));
            match how {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                2 if body.len() > 1 => drop(body.remove(at)),
                _ => body.truncate(at.max(1)),
            }
        }
        body
    })
}

/// Values of the wrong kind, wherever a value can stand.
fn swapped() -> impl Strategy<Value = String> {
    let odd =
        ["null", "[]", "{}", "true", "-1", "1e999", "\"\"", "\"\\ud800\"", "[{}]", "99999999999999999999"];
    (0..SAMPLE.matches(':').count(), 0..odd.len()).prop_map(move |(place, value)| {
        let mut parts: Vec<String> = SAMPLE.split(':').map(str::to_owned).collect();
        if let Some(part) = parts.get_mut(place + 1) {
            let end = part.find([',', '}']).unwrap_or(part.len());
            part.replace_range(..end, odd[value]);
        }
        parts.join(":")
    })
}

proptest! {
    #[test]
    fn broken_bytes_never_panic(body in mutated()) {
        let _ = ledger(&String::from_utf8_lossy(&body));
    }

    #[test]
    fn odd_values_are_read_or_refused(body in swapped()) {
        if let Ok(answer) = ledger(&body) {
            prop_assert!(answer.rows.len() <= 1);
        }
    }
}
