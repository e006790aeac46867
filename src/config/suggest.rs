//! "Did you mean": the known key that an unknown one is most likely a slip of.

use super::slot::{Named, key_names, named};

/// The known key nearest to `path`, if any is near; account sets keep the name they have in `path`.
pub fn nearest(path: &str) -> Option<String> {
    // Only secrets may stand in files of their own.
    let plain = path.strip_suffix("_file").filter(|path| matches!(named(path), Named::Value(_)));
    if let Some(plain) = plain {
        return Some(plain.to_owned());
    }
    let account = path.strip_prefix("accounts.").and_then(|rest| rest.split_once('.')).map(|(name, _)| name);
    among(path, &key_names(&[account.unwrap_or("main")]))
}

/// The candidate nearest to `word`: a few letters away, else the same last part in another section.
pub fn among(word: &str, candidates: &[String]) -> Option<String> {
    // Comparing costs length times length, and a slip is not much longer than what was meant.
    let word = (word.len() <= 100).then_some(word)?;
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |candidate: &&String| strsim::damerau_levenshtein(word, candidate);
    let (length, most) = (word.chars().count(), 1 + word.chars().count() / 6);
    // So many letters are missing at least; most candidates need no closer look.
    let alike = |candidate: &&String| candidate.chars().count().abs_diff(length) <= most;
    let near = candidates.iter().filter(alike).map(|c| (distance(&c), c)).min_by_key(|(far, _)| *far);
    let near = near.filter(|(far, _)| *far <= most).map(|(_, candidate)| candidate);
    let word_last = last(word);
    let moved = || candidates.iter().filter(|c| last(c) == word_last).min_by_key(distance);
    near.or_else(moved).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_key() {
        for (slip, key) in [
            ("kingdee.clientid", Some("kingdee.client_id")),
            ("kingdee.client_secert", Some("kingdee.client_secret")),
            ("kingdee.client_secret_fiel", Some("kingdee.client_secret_file")),
            ("kingdeee.base_url", Some("kingdee.base_url")),
            ("kingdee.client_id_file", Some("kingdee.client_id")),
            ("client_id", Some("kingdee.client_id")),
            ("kingdee.per_minute", Some("kingdee.lane.per_minute")),
            ("cache.fersh", Some("cache.fresh")),
            ("accounts.shop.appkey", Some("accounts.shop.app_key")),
            ("accounts.app_secret", Some("accounts.main.app_secret")),
            ("something.else", None),
        ] {
            assert_eq!(nearest(slip).as_deref(), key, "{slip}");
        }
    }
}
