//! Drafts of account sets become account sets, the default one first.

use std::collections::BTreeMap;

use super::draft::{AccountDraft, AuthorizationKind};
use super::fault::Fault;
use super::fill::Ledger;
use super::origin::Origin;
use super::suggest::among;
use crate::domain::account::AccountName;
use crate::kingdee::router::RouterDomain;
use crate::kingdee::settings::{AccountSettings, Authorization};

/// Account sets at most; each has a lane, a token and labels of its own.
const MOST_ACCOUNTS: usize = 64;

const STATIC_ROWS: [&str; 3] = ["app_key", "app_secret", "router_domain"];
const PULL_ROWS: [&str; 2] = ["outer_instance_id", "account_id"];

/// Puts the default account set first and leaves the others by name.
pub fn order(
    wanted: Option<&str>,
    mut accounts: BTreeMap<AccountName, AccountDraft>,
    ledger: &mut Ledger,
) -> Vec<(AccountName, AccountDraft)> {
    let names: Vec<String> = accounts.keys().map(ToString::to_string).collect();
    let (source, given) = (ledger.origin("default_account"), ledger.is_given("default_account"));
    let mut fault = |problem: String, fix: String| {
        ledger.faults.push(Fault {
            key: "default_account".into(),
            source: source.clone(),
            problem,
            allowed: format!(
                "one of the account sets: {}",
                names.iter().take(8).cloned().collect::<Vec<_>>().join(", ")
            ),
            fix,
        });
    };
    if names.len() > MOST_ACCOUNTS {
        fault(format!("there are {} account sets", names.len()), format!("Keep {MOST_ACCOUNTS} at most."));
    }
    let first = wanted.and_then(AccountName::parse).and_then(|name| accounts.remove_entry(&name));
    match (wanted, &first) {
        (Some(wanted), None) => {
            let guess =
                among(wanted, &names).map(|name| format!(" Did you mean {name}?")).unwrap_or_default();
            fault(
                format!("there is no section [accounts.{wanted}]"),
                format!("Name one that exists, or add the section.{guess}"),
            );
        }
        (None, _) if names.len() > 1 && !given => fault(
            format!("it is missing, and there are {} account sets", names.len()),
            "Say which one is meant where a route names none.".into(),
        ),
        _ => {}
    }
    first.into_iter().chain(accounts).collect()
}

/// Decides where an account set's authorisation comes from, and whether all of it is there.
pub fn settle(
    name: &AccountName,
    draft: &mut AccountDraft,
    suffixes: &[String],
    ledger: &mut Ledger,
) -> Option<AccountSettings> {
    let key = |row: &str| format!("accounts.{name}.{row}");
    let given = |rows: &[&str], ledger: &Ledger| -> Vec<String> {
        rows.iter().map(|row| key(row)).filter(|key| ledger.is_given(key)).collect()
    };
    let (fixed, pulled) = (given(&STATIC_ROWS, ledger), given(&PULL_ROWS, ledger));
    let inferred = if fixed.is_empty() { AuthorizationKind::Pull } else { AuthorizationKind::Static };
    let kind = *draft.kind.get_or_insert(inferred);
    let strangers = if kind == AuthorizationKind::Static { pulled } else { fixed };
    for stranger in &strangers {
        ledger.faults.push(mixture(name, kind, stranger, ledger));
    }
    let authorization = match kind {
        AuthorizationKind::Static => fixed_authorization(&key, draft, suffixes, ledger)?,
        AuthorizationKind::Pull => Authorization::Pull {
            outer_instance_id: draft.outer_instance_id.clone(),
            account_id: draft.account_id.clone(),
        },
    };
    Some(AccountSettings { name: name.clone(), time_zone: draft.time_zone.clone(), authorization })
}

fn mixture(name: &AccountName, kind: AuthorizationKind, stranger: &str, ledger: &Ledger) -> Fault {
    let word = format!("accounts.{name}.authorization");
    let (kind, rows) = match kind {
        AuthorizationKind::Static => ("static", STATIC_ROWS.join(", ")),
        AuthorizationKind::Pull => ("pull", PULL_ROWS.join(", ")),
    };
    let how = match ledger.origin(&word) {
        Origin::Default => format!("inferred, since one of {rows} is given"),
        origin => origin.to_string(),
    };
    Fault {
        key: stranger.to_owned(),
        source: ledger.origin(stranger),
        problem: format!("it has no meaning while {word} is {kind} ({how})"),
        allowed: format!("with {kind}: {rows}"),
        fix: format!("Remove it, or change {word} and what goes with it."),
    }
}

fn fixed_authorization(
    key: &dyn Fn(&str) -> String,
    draft: &AccountDraft,
    suffixes: &[String],
    ledger: &mut Ledger,
) -> Option<Authorization> {
    let rows = STATIC_ROWS.map(key);
    for (row, key) in STATIC_ROWS.iter().zip(&rows) {
        if ledger.is_given(key) {
            continue;
        }
        let allowed = "app_key, app_secret and router_domain together (authorization static)";
        ledger.missing(key, allowed.into(), *row == "app_secret");
    }
    let domain = draft.router_domain.as_deref()?;
    if let Err(flaw) = RouterDomain::parse(domain, suffixes)
        && ledger.all_sound(&["kingdee.router_suffixes"])
    {
        let key = key("router_domain");
        let list = format!("{} ({})", suffixes.join(", "), ledger.origin("kingdee.router_suffixes"));
        ledger.faults.push(Fault {
            source: ledger.origin(&key),
            key,
            problem: format!("it does not fit: {flaw}"),
            allowed: format!("https://host, http only for this machine itself; the host on kingdee.router_suffixes: {list}"),
            fix: "Copy the domain of the authorisation, or add its host to kingdee.router_suffixes if you trust it.".into(),
        });
    }
    Some(Authorization::Static {
        app_key: draft.app_key.clone()?,
        app_secret: draft.app_secret.clone()?,
        router_domain: domain.to_owned(),
    })
}

/// The account set that is there when nobody names one: all of the app's, pulled.
pub fn or_main(mut accounts: BTreeMap<AccountName, AccountDraft>) -> BTreeMap<AccountName, AccountDraft> {
    if accounts.is_empty() {
        accounts.extend(AccountName::parse("main").map(|name| (name, AccountDraft::new())));
    }
    accounts
}
