//! The program: exit codes, colours, and what the documents say about it.

use points_gateway::app::demo;
use points_gateway::clock::Clock;
use points_gateway::doctor::check::Check;
use points_gateway::doctor::report::{Finding, Report, Verdict};
use points_gateway::doctor::text::Plain;
use points_gateway::sandbox::{Bound, Readings, Sandbox, SandboxSettings};

use super::super::support::NOW;
use super::Room;

/// The program itself, in front of a sandbox in this process.
struct Program {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Program {
    async fn installed() -> Program {
        let sandbox = Sandbox::start(SandboxSettings::default(), Clock::real()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("gateway.toml"), demo::config_text(sandbox.address())).unwrap();
        Program { sandbox, folder }
    }

    /// Exit code, standard output, standard error.
    async fn doctor(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_points-gateway"))
            .args(["doctor", "--config"])
            .arg(self.folder.path().join("gateway.toml"))
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .output()
            .await
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

#[tokio::test]
async fn the_program_ends_as_its_help_says() {
    let program = Program::installed().await;
    // Somebody without records: what is said of records depends on the day.
    let (code, told, said) = program.doctor(&["--json", "--member", "1001"], &[]).await;
    assert_eq!((code, said.as_str()), (0, ""), "{told}");
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&report["format"], &report["verdict"], &report["account"]),
        (&1.into(), &"warning".into(), &"main".into())
    );
    assert_eq!(
        (&report["steps"][0]["id"], &report["probes"][0]["id"]),
        (&"configuration".into(), &"space_encoding".into())
    );
    let (code, told, said) =
        program.doctor(&[], &[("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET", "wrong-canary")]).await;
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("→ kingdee.client_secret") && said.contains("doctor found"), "{told}{said}");
    for (wrong, named) in [("nobody", "main, outlet"), ("No One", "a-z")] {
        let (code, told, said) = program.doctor(&["--account", wrong], &[]).await;
        assert_eq!((code, told.as_str()), (64, ""));
        assert!(said.contains(named), "{said}");
    }
    assert_eq!(program.doctor(&["--member", "a b"], &[]).await.0, 64);
    let bad = [("POINTS_GATEWAY__CACHE__FRESH", "soon")];
    let (code, told, said) = program.doctor(&[], &bad).await;
    assert_eq!((code, told.as_str()), (78, ""));
    assert!(said.contains("cache.fresh"), "{said}");
    let (code, told, _) = program.doctor(&["--json"], &bad).await;
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (code, &report["verdict"], &report["steps"][0]["verdict"]),
        (78, &"fault".into(), &"fault".into())
    );
    assert!(report["steps"][0]["finding"].as_str().unwrap().contains("cache.fresh"));
}

#[tokio::test]
async fn another_account_set_can_be_looked_at() {
    let program = Program::installed().await;
    let (code, told, _) = program.doctor(&["--account", "outlet", "--member", "1001", "--json"], &[]).await;
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &report["account"]), (0, &"outlet".into()), "{told}");
    assert_eq!(program.sandbox.control().calls().token, 1);
}

#[tokio::test]
async fn colours_are_for_terminals_and_for_those_who_insist() {
    let program = Program::installed().await;
    // Three token calls would be one too many for a minute; refusals are coloured as well.
    let wrong = ("POINTS_GATEWAY__KINGDEE__CLIENT_ID", "1");
    let coloured = |told: &str| told.contains('\u{1b}');
    assert!(!coloured(&program.doctor(&[], &[wrong]).await.1), "a pipe is no terminal");
    assert!(coloured(&program.doctor(&[], &[wrong, ("CLICOLOR_FORCE", "1")]).await.1));
    assert!(!coloured(&program.doctor(&[], &[wrong, ("NO_COLOR", "1")]).await.1));
    assert!(!coloured(&program.doctor(&["--json"], &[wrong, ("CLICOLOR_FORCE", "1")]).await.1));
}

/// A report without what differs from run to run: times, addresses, how old the newest record is, how it is wrapped.
fn timeless(report: &str) -> String {
    let words: Vec<&str> = report.split_whitespace().collect();
    let unit = |word: &str| ["ms", "ms,", "s", "days", "h", "min"].contains(&word);
    let known = words.iter().enumerate().map(|(place, word)| {
        let number = word.starts_with(|c: char| c.is_ascii_digit());
        let next = words.get(place + 1).copied().unwrap_or_default();
        match number {
            true if word.contains("T") || word.contains("127.0.0.1") => "…",
            true if unit(next) && next != "h" => "…",
            true => word,
            false if word.starts_with("http://") => "…",
            false => word,
        }
    });
    known.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_readme_shows_a_report_as_it_is_really_printed() {
    let room = Room::with(Readings { end: Bound::Exclusive, ..Readings::default() }).await;
    let told = room.examine(&[], None).await.to_text(&Plain);
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let shown = readme.split("```text\n").find(|block| block.starts_with("points-gateway")).unwrap();
    assert_eq!(timeless(shown.split("```").next().unwrap()), timeless(&told));
}

#[test]
fn the_document_of_the_json_knows_every_check_and_field() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.md")).unwrap();
    let ids: Vec<_> = Check::STEPS.iter().chain(&Check::PROBES).map(|check| check.id()).collect();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: Vec<_> = rows.filter(|id| ids.contains(id)).collect();
    assert_eq!(listed, ids, "each id has a row, in its order");
    let mut report = Report::begin(NOW.parse().unwrap());
    report.add(Finding::new(Check::Clock, Verdict::Ok, Default::default(), "").setting("a.b", "1", true));
    let json: serde_json::Value =
        serde_json::from_str(&report.end(Default::default(), Default::default()).to_json()).unwrap();
    let objects = [&json, &json["steps"][5], &json["steps"][5]["setting"], &json["calls"]];
    for field in objects.iter().flat_map(|object| object.as_object().unwrap().keys()) {
        assert!(document.contains(&format!("`{field}`")), "{field}");
    }
}
