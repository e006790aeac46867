//! Keys of the account sets (账套).

use super::Entry;
use crate::config::draft::{AccountDraft, AuthorizationKind, Draft};
use crate::config::field::{Field, Words};
use crate::config::rule;

/// Which account set a route without name means.
pub static DEFAULT: &[Entry<Draft>] = &[Entry::<Draft>::new(
    "default_account",
    Field::Text(&rule::ACCOUNT_NAME, |d| &mut d.default_account),
    "The account set that routes without a name mean; needed where there are several.",
)
.at_start()
.example("main")];

/// `accounts.<name>.*`
pub static ENTRIES: &[Entry<AccountDraft>] = &[
    Entry::<AccountDraft>::new(
        "time_zone",
        Field::Zone(|d| &mut d.time_zone),
        "The zone of this account set's times, and of plain dates in requests.",
    )
    .at_start(),
    Entry::<AccountDraft>::new(
        "authorization",
        Field::Word(Words {
            all: &["static", "pull"],
            set: |d, word| {
                d.kind = match word {
                    "static" => Some(AuthorizationKind::Static),
                    "pull" => Some(AuthorizationKind::Pull),
                    _ => return false,
                };
                true
            },
            get: |d| {
                d.kind.map(|kind| match kind {
                    AuthorizationKind::Static => "static",
                    AuthorizationKind::Pull => "pull",
                })
            },
        }),
        "Whether app key, app secret and router domain stand here (static) or are asked for (pull); \
         inferred when left out.",
    )
    .example("pull"),
    Entry::<AccountDraft>::new(
        "outer_instance_id",
        Field::Text(&rule::CONSOLE_ID, |d| &mut d.outer_instance_id),
        "pull: 第三方实例ID of the developer console, where the app has several.",
    )
    .example("1234567890"),
    Entry::<AccountDraft>::new(
        "account_id",
        Field::Text(&rule::CONSOLE_ID, |d| &mut d.account_id),
        "pull: accountId of the account set, where an authorisation lists several.",
    )
    .example("1234567890"),
    Entry::<AccountDraft>::new(
        "app_key",
        Field::Text(&rule::APP_KEY, |d| &mut d.app_key),
        "static: appKey of the authorisation.",
    )
    .example("AbCdEfGh"),
    Entry::<AccountDraft>::new(
        "app_secret",
        Field::Secret(&rule::SECRET, |d| &mut d.app_secret),
        "static: appSecret of the authorisation; Kingdee changes it every 24 h.",
    )
    .example("/run/secrets/kingdee_app_secret"),
    Entry::<AccountDraft>::new(
        "router_domain",
        Field::Text(&rule::ROUTER_DOMAIN, |d| &mut d.router_domain),
        "static: domain of the authorisation (X-GW-Router-Addr), sent as it is written.",
    )
    .example("https://tf.jdy.com"),
];
