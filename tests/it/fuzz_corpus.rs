//! Every input that fuzzing found worth keeping (`fuzz/README.md`), through the same assertions.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// An input a line, in base64.
fn replay(target: &str, feed: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/corpus/{target}.base64"));
    let corpus = fs::read_to_string(&corpus).unwrap();
    let breaks = |line: &&str| {
        let input = STANDARD.decode(line).unwrap();
        std::panic::catch_unwind(|| feed(&input)).is_err()
    };
    let broken: Vec<_> = corpus.lines().filter(breaks).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(corpus.lines().count() >= 10, "the corpus of {target} has gone");
}

#[rstest::rstest]
#[case("wire_ledger", targets::wire_ledger)]
#[case("wire_token", targets::wire_token)]
#[case("wire_authorization", targets::wire_authorization)]
#[case("question", targets::question)]
#[case("cursor", targets::cursor)]
#[case("config", targets::config)]
#[case("retry_after", targets::retry_after)]
fn no_input_of_the_corpus_breaks_a_promise(#[case] target: &str, #[case] feed: fn(&[u8])) {
    targets::prepare();
    replay(target, feed);
}
