//! Rules that texts keep.

use super::address;
use crate::domain::account::AccountName;

/// A rule that a text keeps or not.
pub struct Rule {
    /// What is allowed, in words.
    pub allowed: &'static str,
    /// What to do with a text that doesn't fit.
    pub fix: &'static str,
    keeps: fn(&str) -> bool,
}

impl Rule {
    /// The text, if it keeps the rule.
    pub fn read(&self, text: &str) -> Option<String> {
        (self.keeps)(text).then(|| text.to_owned())
    }
}

fn visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// `X-Api-ClientID`: goes into a header as it is.
pub static CLIENT_ID: Rule = Rule {
    allowed: "1 to 32 visible ASCII characters",
    fix: "Copy the 应用ID (client id) from Kingdee's developer console.",
    keeps: |text| visible(text, 32),
};

/// Client secret, app secret.
pub static SECRET: Rule = Rule {
    allowed: "1 to 256 visible ASCII characters",
    fix: "Copy the secret from Kingdee's developer console, without blanks or line ends.",
    keeps: |text| visible(text, 256),
};

/// `app_key`: Kingdee's page says at most 8 characters, live ones have been longer.
pub static APP_KEY: Rule = Rule {
    allowed: "1 to 64 visible ASCII characters",
    fix: "Copy the appKey of the authorisation.",
    keeps: |text| visible(text, 64),
};

/// Ids that `push_app_authorize` takes or gives.
pub static CONSOLE_ID: Rule = Rule {
    allowed: "1 to 64 visible ASCII characters",
    fix: "Copy the id from Kingdee's developer console.",
    keeps: |text| visible(text, 64),
};

/// `X-GW-Router-Addr`; its host is judged later, together with the suffixes.
pub static ROUTER_DOMAIN: Rule = Rule {
    allowed: "https://host on one of kingdee.router_suffixes; http only for this machine itself",
    fix: "Copy the domain of the authorisation, as in https://tf.jdy.com.",
    keeps: |text| visible(text, 255),
};

/// A host that router domains may be on or below.
pub static SUFFIX: Rule = Rule {
    allowed: "host names in lower case with a dot inside, such as jdy.com; localhost; IP addresses",
    fix: "Write hosts only, without scheme, port, star or leading dot.",
    keeps: address::is_suffix,
};

/// Where the shared tier is. It may hold a password.
pub static REDIS_URL: Rule = Rule {
    allowed: "redis://user:password@host:port/db, or rediss:// for TLS",
    fix: "Write the whole address; user, password, port and db may be left out. Odd characters in a password are percent-encoded.",
    keeps: |text| text.len() <= 1024 && address::redis(text).is_ok(),
};

/// Name of an account set.
pub static ACCOUNT_NAME: Rule = Rule {
    allowed: "1 to 32 of a-z 0-9 _ -",
    fix: "Write a name as it stands in a section [accounts.name].",
    keeps: |text| AccountName::parse(text).is_some(),
};

/// `log.level`. A bare target is refused: `infoo` would silence everything but a target of that name.
pub static LOG_LEVEL: Rule = Rule {
    allowed: "off, error, warn, info, debug or trace; also target=level, several with commas",
    fix: "Write it as in info or info,points_gateway::kingdee=debug.",
    keeps: |text| text.len() <= 1024 && text.split(',').all(is_directive),
};

/// `trace.service_name`
pub static SERVICE_NAME: Rule = Rule {
    allowed: "1 to 64 visible ASCII characters",
    fix: "Write a name without blanks, as in points-gateway.",
    keeps: |text| visible(text, 64),
};

fn is_directive(text: &str) -> bool {
    let (target, level) = text.split_once('=').unwrap_or(("all", text));
    let name = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b':' || b == b'-';
    let known = ["off", "error", "warn", "info", "debug", "trace"];
    !target.is_empty() && target.bytes().all(name) && known.contains(&level)
}
